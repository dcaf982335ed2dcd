# Completion of artifact for bash. Load it with:
#   source <(artifact completion bash)

_artifact() {
	local line=${COMP_LINE:0:COMP_POINT} cur='' words
	read -ra words <<<"$line"
	if [[ $line != *[[:space:]] ]]; then
		cur=${words[${#words[@]}-1]}
		unset "words[${#words[@]}-1]"
	fi
	local ask=("${words[@]}")
	[[ $cur == -* ]] && ask+=("$cur")
	COMPREPLY=($(compgen -W "$("${ask[@]}" --generate-bash-completion 2>/dev/null)" -- "$cur"))
	# bash cuts words at these; what stands before the last one is there already.
	if [[ $cur == *[:@]* && $COMP_WORDBREAKS == *[:@]* ]]; then
		local kept=${cur%"${cur##*[:@]}"}
		COMPREPLY=("${COMPREPLY[@]#"$kept"}")
	fi
}

complete -o bashdefault -o default -F _artifact artifact
