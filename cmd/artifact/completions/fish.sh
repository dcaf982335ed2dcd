# Completion of artifact for fish. Load it with:
#   artifact completion fish | source

function __artifact_complete
	set -l ask (commandline -opc)
	set -l cur (commandline -ct)
	if string match -q -- '-*' $cur
		set -a ask $cur
	end
	command $ask --generate-bash-completion 2>/dev/null
end

complete -c artifact -a '(__artifact_complete)'
