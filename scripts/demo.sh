#!/bin/sh
# demo.sh PROGRAM FOLDER: what Lastseen does, on the samples; everything it writes goes to FOLDER.
set -eu

program=$1
out=$2
state=$out/state.db

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
heading() { printf '\n%s== %s%s\n\n' "$bold" "$1" "$plain"; }
command_line() { printf '   $ %s\n\n' "$1"; }

rm -rf "$out"
mkdir -p "$out"

heading "1. Analyse $(ls -d samples/*/ | wc -l) samples, the log of an SSH server among them"
command_line "lastseen analyze samples/*/records.*"
# The samples' own lists of networks; no sample's name has a space.
networks=
for list in samples/*/networks.txt; do networks="$networks --networks $list"; done
# The bad lines of samples/bad-lines are bad on purpose: 100 % of them are allowed here.
status=0
# shellcheck disable=SC2086
"$program" analyze samples/*/records.* --verbose --state "$state" \
    $networks \
    --output "text:$out/alerts.txt" --output "ndjson:$out/alerts.ndjson" \
    --rejects "$out/rejects.ndjson" --max-rejects 100 \
    --report "$out/report.html" 2>"$out/run.log" || status=$?
# 2 says that there are alerts, and so there should be.
if [ "$status" -ne 2 ]; then
    cat "$out/run.log" >&2
    echo "lastseen analyze ended with $status; 2 was expected" >&2
    exit 1
fi
sed -n '/Read [0-9,]* records/,$ p' "$out/run.log" | sed 's/^lastseen: //'

heading "2. The alerts, and what to do about each"
# The summary and the first steps; evidence, reasons and the rest are in alerts.txt and the report.
awk -v bold="$bold" -v plain="$plain" -v most=3 '
    function finish() {
        if (steps > most) print "      ... and " steps - most " more: lastseen alerts show " id
        print ""
    }
    /^(CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL|RETRACTED)/ {
        if (alerts++) finish()
        print bold $0 plain
        id = $0; sub(/.*a-/, "a-", id); sub(/,.*/, "", id)
        steps = 0; part = "head"; next
    }
    /^$/ { if (part == "head") part = ""; next }
    /^What to do$/ { part = "steps"; open = 0; next }
    /^[^ ]/ && part != "head" { part = "" }
    part == "head" { print "  " $0 }
    part == "steps" && /^ [0-9]+\. / { open = ++steps <= most }
    part == "steps" && open { print "  " $0; if (/\.$/) open = 0 }
    END { finish() }
' "$out/alerts.txt"

heading "3. Where Gus is logged in, the first four sessions"
command_line "lastseen sessions gus --tenant acme"
"$program" sessions gus --tenant acme --state "$state" | awk '/^  [^ ]/ && ++n > 4 { exit } { print }'

heading "4. What Lastseen would log out, if it were let (a dry run)"
command_line "lastseen respond plan"
"$program" respond plan --state "$state"

heading "5. To read on"
worst=$("$program" alerts list --state "$state" --min-risk 99 --json | sed -n '1s/.*"id":"\(a-[0-9a-f]*\)".*/\1/p')
cat <<END
   $out/report.html      the report, with a map: open it in a browser
   $out/alerts.txt       all alerts in full, with every reason
   $out/alerts.ndjson    the same for programs
   $out/rejects.ndjson   the lines that were refused, and why
   $out/state.db         what Lastseen now knows. Try:

   $program alerts show $worst --state $state
   $program sessions petra --state $state
END
