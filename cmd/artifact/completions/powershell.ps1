# Completion of artifact for PowerShell. Load it with:
#   artifact completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName artifact -ScriptBlock {
	param($word, $ast, $position)
	$words = @($ast.CommandElements | ForEach-Object { $_.ToString() })
	if ($word -ne '' -and -not $word.StartsWith('-')) {
		$words = @($words | Select-Object -SkipLast 1)
	}
	$program, $rest = $words
	& $program @rest --generate-bash-completion 2>$null |
		Where-Object { $_ -like "$word*" } |
		ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
}
