#!/bin/sh
# Start Alertmanager with the operator's own webhook, ALERT_WEBHOOK_URL, added to the configuration: that URL is
# often a secret, and the configuration is in git. alertmanager.sh CONFIGURATION PROGRAM [ARGUMENT...]
set -eu
configuration=$1 program=$2
shift 2
case ${ALERT_WEBHOOK_URL:=} in
    '') ;;
    http://?*|https://?*)
        umask 077
        with_webhook=$(mktemp)
        # the list of webhooks ends the file; in a quoted YAML text ' is written ''
        { cat "$configuration"; echo "      - url: '$(echo "$ALERT_WEBHOOK_URL" | sed "s/'/''/g")'"; } >"$with_webhook"
        configuration=$with_webhook ;;
    *)
        echo "ALERT_WEBHOOK_URL: expected http://... or https://..." >&2
        exit 2 ;;
esac
unset ALERT_WEBHOOK_URL
exec "$program" --config.file="$configuration" "$@"
