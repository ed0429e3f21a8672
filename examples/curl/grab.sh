#!/bin/sh
# Grabs a lock, checks its token, and gives it back, with curl.
#
#   sh grab.sh [NAME]        LOCKD_HTTP=host:port of any member
set -eu
name=${1:-example}
any=http://${LOCKD_HTTP:-127.0.0.1:7402}

# -L follows to the leader: another member answers 307 with its address, and did nothing.
post() { curl -sS -L --fail-with-body -X POST "$any$1" -H 'Content-Type: application/json' -d "$2"; }
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\)\"\{0,1\}.*/\1/p"; }

session=$(post /v1/sessions '{"ttl": "10s", "owner": "curl"}' | field session)
token=$(post "/v1/locks/$name/acquire" "{\"session\": \"$session\", \"sequence\": \"1\", \"wait\": \"10s\"}" | field token)
[ -n "$token" ] && [ "$token" != 0 ] || { echo "not granted" >&2; exit 1; }
echo "grabbed $name with token $token"

post "/v1/locks/$name/check" "{\"token\": \"$token\"}" | grep -q '"valid": *true'
echo "checked: the token is the holder's"

post "/v1/locks/$name/release" "{\"token\": \"$token\"}" >/dev/null
if post "/v1/locks/$name/check" "{\"token\": \"$token\"}" | grep -q '"valid": *true'; then
  echo "the token is still the holder's" >&2
  exit 1
fi
curl -sS -L --fail-with-body -X DELETE "$any/v1/sessions/$session" >/dev/null
echo "released"
