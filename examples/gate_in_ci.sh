#!/usr/bin/env bash
# Audit a tuned model in continuous integration: the job ends with the verdict's own exit code.
#   examples/gate_in_ci.sh TUNED [BASE]        (an adapter names its base itself)
set -uo pipefail

tuned=$1
base=${2:-}
out=${OUT:-audit}

[ -f policy.toml ] || tuneward policy init

tuneward audit "$tuned" ${base:+--base "$base"} --out "$out" --policy policy.toml --quiet
code=$?

# The findings go where reviewers look; report.html and junit.xml lie in the folder for the artefacts of the job.
if [ -f "$out/summary.md" ]; then
  cat "$out/summary.md" >> "${GITHUB_STEP_SUMMARY:-/dev/stdout}"
fi

case $code in
  0) echo "no findings by the listed checks" ;;
  3) echo "a required axis got worse: the model must not ship" ;;
  4) echo "something required was not established: ask more, or say in the policy that it is not required" ;;
  5) echo "this run cannot tell a loss of the margin from none: ask more prompts" ;;
  *) echo "no verdict" ;;
esac
exit "$code"
