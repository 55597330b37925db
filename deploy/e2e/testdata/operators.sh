# What a shell needs to run the operator's page on one machine. A host is a folder in $ROOT; what runs there writes
# $ROOT/HOST/log and has its process id in $ROOT/HOST/pid. The working directory is the operator's. $EDGE is the URL of the
# edge, $WEIR_BINARY a built weir.

finish() {
  [ -z "${SUBSCRIBER-}" ] || kill -9 "$SUBSCRIBER" 2>/dev/null || true
  for pid in "$ROOT"/*/pid; do
    [ -e "$pid" ] || continue
    kill -9 "$(cat "$pid")" 2>/dev/null || true
  done
}
trap finish EXIT

weir() { "$WEIR_BINARY" "$@"; }

# at says on which host the commands that follow are typed.
at() { HERE=$1; }

# there turns a path on a host into one here.
there() { sed -E "s#^/#$ROOT/$1/#" <<<"$2"; }

ssh() {
  local host=${1#*@} command=$2
  shift 2
  case $command in
    cat) cat "$(there "$host" "$1")" ;;
    chown) ;; # there is one user
    install) # -d -o weir -g weir -m 700 DIR...
      [ "$1 $2 $3 $4 $5 $6 $7" = "-d -o weir -g weir -m 700" ]
      shift 7
      for dir; do install -d -m 700 "$(there "$host" "$dir")"; done
      ;;
    systemctl) HERE=$host systemctl "$@" ;;
    *) echo "ssh: $command is not known" >&2; return 1 ;;
  esac
}

scp() {
  local target=${*: -1}
  local host=${target%%:*}
  host=${host#*@}
  cp "${@:1:$#-1}" "$(there "$host" "${target#*:}")"
  touch "$ROOT/$host/touched"
}

systemctl() {
  local unit=${*: -1} host=$HERE
  local role=${unit#weir-}
  if [ "$1" = restart ]; then
    kill -TERM "$(cat "$ROOT/$host/pid")"
    wait "$(cat "$ROOT/$host/pid")" || { echo "$unit on $host has failed" >&2; return 1; }
  fi
  "$WEIR_BINARY" "$role" --config "$ROOT/$host/etc/weir/$role.yaml" >>"$ROOT/$host/log" 2>&1 &
  echo $! >"$ROOT/$host/pid"
}

# die is what happens to a machine.
die() {
  kill -9 "$(cat "$ROOT/$1/pid")"
  rm "$ROOT/$1/pid"
}

uses() { grep -c "certificates have changed and are in use" "$ROOT/$1/log" 2>/dev/null || true; }

# remember notes how often each host has taken over certificates; reloaded waits until those have that were given some since.
remember() {
  local log host
  for log in "$ROOT"/*/log; do
    [ -e "$log" ] || continue
    host=$(basename "$(dirname "$log")")
    rm -f "$ROOT/$host/touched"
    uses "$host" >"$ROOT/$host/uses"
  done
}

reloaded() {
  local touched host
  for touched in "$ROOT"/*/touched; do
    [ -e "$touched" ] || continue
    host=$(basename "$(dirname "$touched")")
    until [ "$(uses "$host")" -gt "$(cat "$ROOT/$host/uses")" ]; do sleep 0.2; done
  done
}

# traffic publishes 20 events a second from now on, and subscribes.
traffic() {
  (
    n=0
    while [ ! -e enough ]; do
      n=$((n + 1))
      echo "{\"n\":$n}"
      sleep 0.05
    done
  ) | weir pub chat - --edge $EDGE --token "$(cat token)" >published 2>pub.log &
  PUBLISHER=$!
  "$WEIR_BINARY" sub chat --since earliest --json --edge $EDGE --token "$(cat token)" >received 2>sub.log &
  SUBSCRIBER=$!
}

# check ends the traffic. All that was published must have come once and in order, the first event of the page before it.
check() {
  touch enough
  wait $PUBLISHER || { cat pub.log; return 1; }
  local total
  total=$(wc -l <published)
  until [ "$(wc -l <received)" -ge $((total + 1)) ]; do sleep 0.1; done
  kill -TERM $SUBSCRIBER # SIGINT is ignored by what a shell has in the background
  wait $SUBSCRIBER || true
  seq 1 $((total + 1)) >offsets.want
  grep -o '"offset":[0-9]*' received | cut -d: -f2 >offsets.got
  cmp offsets.want offsets.got
  seq 1 "$total" >events.want
  grep -o '"n":[0-9]*' received | cut -d: -f2 >events.got
  cmp events.want events.got
  echo "$total events were published while certificates were rotated, all was restarted and a node was replaced; each has come once and in order"
}

