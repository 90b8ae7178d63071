#!/bin/sh
# fetch.sh FOLDER: put Debian sid's Compose 2, a static program, into FOLDER; nothing is installed.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/$' | head -1)
echo "deb $mirror sid main" >"$tmp/sources.list"
mkdir -p "$tmp/lists/partial" "$tmp/cache/archives/partial"
cd "$tmp"
for step in update "download docker-compose"; do
    # shellcheck disable=SC2086  # a verb and its argument
    apt-get -q -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$tmp/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$tmp/lists" -o Dir::Cache="$tmp/cache" $step
done
dpkg -x docker-compose_*.deb unpacked
cp "$(find unpacked -type f -name docker-compose -perm -1)" "$1/docker-compose"
