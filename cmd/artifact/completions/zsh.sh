#compdef artifact
# Completion of artifact for zsh. Put this into a file _artifact on $fpath, or load it with:
#   source <(artifact completion zsh)

_artifact() {
	local cur=${words[CURRENT]}
	local -a ask opts
	ask=("${(@)words[1,CURRENT-1]}")
	[[ $cur == -* ]] && ask+=("$cur")
	opts=("${(@f)$("${ask[@]}" --generate-bash-completion 2>/dev/null)}")
	if [[ -n ${opts[1]} ]]; then
		compadd -- "${opts[@]%%:[^:]* *}"
	else
		_files
	fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_artifact "$@"
else
	compdef _artifact artifact
fi
