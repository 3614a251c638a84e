# Create a token on the first start, and print it once; then serve.
set -eu

user="${AGENTMEM_USER:-me}"
if [ ! -e /data/agentmem-tokens.json ]; then
  echo "token of ${user}: $(agentmem token create --store /data --user "${user}" --name docker)"
fi
exec agentmem serve --store /data --user "${user}" --host 0.0.0.0 --port 8377 --no-link "$@"
