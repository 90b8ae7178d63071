#!/bin/sh
# rollout.sh: replace every replica of recom_service, one after the other, by one made from the image and the settings
# of now. A new one must be ready before an old one goes. COMPOSE says how to call Compose, with its options.
set -eu
compose=${COMPOSE:-docker-compose}
patience=${ROLLOUT_SECONDS:-120}

replicas() { $compose ps -q recom_service; }

# wait_ready ID: until the replica answers with a model
wait_ready() {
    left=$patience
    until docker exec "$1" http-ok 8082 /readyz 2>/dev/null; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 1
    done
}

old=$(replicas)
count=$(echo "$old" | wc -w)
for leaving in $old; do
    before=$(replicas)
    $compose up -d --no-deps --no-build --no-recreate --scale "recom_service=$((count + 1))" recom_service
    for id in $(replicas); do
        case $before in *"$id"*) continue ;; esac
        wait_ready "$id" || {
            docker logs --tail 20 "$id" >&2
            docker rm --force "$id" >/dev/null
            echo "rollout: the new replica was not ready within $patience s; the old ones go on" >&2
            exit 1
        }
    done
    docker stop "$leaving" >/dev/null
    docker rm "$leaving" >/dev/null
done
echo "rollout: $count replaced"
