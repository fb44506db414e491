#!/bin/sh
# The installed configuration, for whoever may read it; --config and ENTREPOT_CONFIG name another.
if [ -z "$ENTREPOT_CONFIG" ] && [ -r /etc/entrepot/entrepot.yaml ]; then
  export ENTREPOT_CONFIG=/etc/entrepot/entrepot.yaml
fi
exec /usr/lib/entrepot/bin/node --disable-warning=DEP0060 /usr/lib/entrepot/dist/main.js "$@"
