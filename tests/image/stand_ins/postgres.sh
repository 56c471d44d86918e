# Makes the database of POSTGRES_USER on the first start, then serves it.
set -euo pipefail
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
bin=$(echo /usr/lib/postgresql/*/bin)
data=/var/lib/postgresql/data
install --directory --owner=postgres --mode=700 "$data"
if [ ! -e "$data/PG_VERSION" ]; then
  install --owner=postgres --mode=600 <(echo "$POSTGRES_PASSWORD") /tmp/password
  as_postgres "$bin/initdb" -D "$data" -U "$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 \
    --encoding=UTF8 --no-locale
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
  as_postgres "$bin/postgres" --single -D "$data" postgres <<< "CREATE DATABASE \"$POSTGRES_USER\""
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D "$data" -k /var/run/postgresql -c listen_addresses='*'
