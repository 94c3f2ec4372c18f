#!/usr/bin/env bash
# Tells three stories of a running meshd, each command before its output: tenants and search, analytics,
# chemistry; then where one event of them is. Starts no meshd: that is `./scripts/run --serve`. What it
# makes are users and events of two tenants, demo-acme and demo-globex; a second run finds those of the
# first. Needs auth.mode dev.
#
#   demo.sh [--data-dir DIR]      of the meshd; default $MESH_DATA_DIR, else that of `./scripts/run --serve`
set -euo pipefail
tree=$(cd "$(dirname "$0")/.." && pwd)
case "${1:-}" in
  "") ;;
  --data-dir) MESH_DATA_DIR=${2:?--data-dir needs a folder} ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "demo: unknown argument $1; see demo.sh --help" >&2; exit 2 ;;
esac
export MESH_DATA_DIR=${MESH_DATA_DIR:-$tree/mesh-data} PATH=$PATH:$tree/build/bin
command -v mesh >/dev/null || { echo "demo: no mesh here; build it: ./scripts/build" >&2; exit 1; }
mesh check >/dev/null || { echo "demo: no meshd that is well at $MESH_DATA_DIR; start one: ./scripts/run --serve" >&2; exit 1; }
subscriber=$(sed -E 's/.*"subscriber": ?"([^"]*)".*/\1/' "$MESH_DATA_DIR/run.json")
[[ $subscriber == *://* ]] || subscriber=http://$subscriber

bold=$(tput bold 2>/dev/null || true) plain=$(tput sgr0 2>/dev/null || true)
if [ ! -t 1 ] || [ -n "${NO_COLOR:-}" ]; then bold='' plain=''; fi
story() { printf '\n%s# %s%s\n' "$bold" "$1" "$plain"; }
say() { printf '\n%s\n' "$1"; }
# run COMMAND [REFUSAL]: shows the line as a person would type it, and what it prints. REFUSAL is what
# a second run of the demo may hear.
run() {
  local out code=0
  printf '%s$ %s%s\n' "$bold" "$1" "$plain"
  out=$(eval "$1" 2>&1) || code=$?
  printf '%s\n' "$out"
  [ $code = 0 ] || [[ -n ${2:-} && $out == *"$2"* ]] || { echo "demo: that ended with exit code $code" >&2; exit 1; }
}
user() { run "mesh users create --tenant $1 --email $2 --name '$3' --wait" 'has a user'; }
publish() { run "mesh events publish --tenant $1 --id $2 --type $3 --data '$4' --wait"; }

story "One: two companies share a mesh, and neither sees the other"
say "Acme has two people, Globex one. --wait: until searches find them."
user demo-acme a.smith@acme.dev 'Alice Smith'
user demo-acme bob@acme.dev 'Bob Jones'
user demo-globex zoe@globex.dev 'Zoe Quinn'
say "Acme looks for Alice, and types badly."
run "mesh search alcie --tenant demo-acme"
say "Globex looks for her too, and finds nothing: the tenant is in the credential, not in the question."
run "mesh search alice --token demo-globex:zoe"

story "Two: what a user did, counted"
say "Three events of Acme's product. Each has an id, and what has an id counts once, however often it is sent."
publish demo-acme demo-view-1 analytics.recorded '{"user_id":"u-1","event_type":"page_view","metadata":{"page":"/pricing"}}'
publish demo-acme demo-view-2 analytics.recorded '{"user_id":"u-1","event_type":"page_view","metadata":{"page":"/docs"}}'
publish demo-acme demo-sign-up analytics.recorded '{"user_id":"u-1","event_type":"sign_up"}'
say "The summary is there at once, over HTTP, with a token of Acme's."
run "curl -sS -H 'Authorization: Bearer demo-acme:me' $subscriber/api/v1/analytics/user/u-1"

story "Three: chemistry, whose properties the mesh adds"
say "Globex has a laboratory. It sends formulas alone."
publish demo-globex demo-aspirin chemical.recorded '{"molecule_id":"aspirin","researcher":"Dr. Jane Smith","data":{"formula":"C9H8O4"}}'
publish demo-globex demo-caffeine chemical.recorded '{"molecule_id":"caffeine","researcher":"Dr. Jane Smith","data":{"formula":"C8H10N4O2"}}'
say "What the pipeline made of them: weights and elements beside each."
run "curl -sS -H 'Authorization: Bearer demo-globex:me' $subscriber/api/v1/analytics/researcher/Dr.%20Jane%20Smith"

story "And where is the caffeine? From its request to the row that the summary reads"
run "mesh trace demo-caffeine --topic chemical.events --tenant demo-globex"
