#!/usr/bin/env bash
# The documents' examples in their order, against a running API: LIKENESS_API_KEY is a key for it, BASE is where it is,
# PROJECT a project of the key's organisation, and ASSETS are asset ids of its media library, quoted and with commas.
set -euo pipefail
cd "$(mktemp -d)"

call() {  # STATUS METHOD PATH [OPTION…]: leaves the body in ./answer, and ends the script at any other status
  local expected=$1 method=$2 path=$3 status
  shift 3
  status=$(curl --silent --show-error --output answer --dump-header headers --write-out '%{http_code}' \
    -X "$method" "$BASE$path" -H "Authorization: Bearer $LIKENESS_API_KEY" "$@")
  echo "$status $method $path"
  [[ $status =~ ^($expected)$ ]] || { echo "not $expected: $(cat answer)"; exit 1; }
}
field() { python3 -c "import json; print(json.load(open('answer'))$1)"; }
is() { [[ $1 == "$2" ]] || { echo "'$1' is not '$2': $(cat answer)"; exit 1; }; }
images() { python3 -c "import json
for image in json.load(open('answer'))['referenceImages']: print(image['assetId'])" | sort; }
etag() { sed -n 's/^etag: \(.*\)\r$/\1/Ip' headers; }

# Create, with nothing but a name, and bind reference images.
call 201 POST "/v1/projects/$PROJECT/influencers" -d '{"name": "Nova"}'
is "$(field '["status"]')" draft
nova=$(field '["influencerId"]')
call 200 POST "/v1/influencers/$nova/reference-images" -d "{\"assetIds\": [$ASSETS]}"
references=$(field '["referenceImages"]')
sources=$(images)
call 200 GET "/v1/influencers/$nova"
is "$(field '["status"]')" ready
is "$(field '["referenceImages"]')" "$references"

# Clone. The body is the contract's, word for word.
call 202 POST "/v1/influencers/$nova/clone" -d '{ "name": "Nova (B variant)",
  "newInfluencerId": "inf_01HX9Y6K7EJ4T2NOVAB",
  "overrides": { "personality": { "humorStyle": "dry-witty" } } }'
is "$(field '["kind"]') $(field '["status"]')" "influencer_clone running"
is "$(field '["influencerId"]')" inf_01HX9Y6K7EJ4T2NOVAB
job=$(field '["jobId"]')
call 409 POST "/v1/influencers/$nova/clone" -d '{"name": "N", "newInfluencerId": "inf_01HX9Y6K7EJ4T2NOVAB"}'
is "$(field '["error"]["code"]')" CONFLICT

# Poll: an answer with a body only where there is something new.
call 200 GET "/v1/jobs/$job"
is "$(field '["locationUrl"]')" "/v1/jobs/$job"
seen=$(etag)
while [[ $(field '["status"]') == running ]]; do
  sleep 0.2
  call '200|304' GET "/v1/jobs/$job" -H "If-None-Match: $seen"
  if [[ -s answer ]]; then cp answer last; seen=$(etag); else cp last answer; fi
done
is "$(field '["status"]') $(field '["progress"]')" "completed 1.0"
call 304 GET "/v1/jobs/$job" -H "If-None-Match: $seen"
call 200 POST "/v1/jobs/$job/cancel"
is "$(field '["reason"]')" ALREADY_COMPLETED

# Ready, with images of its own that are there.
call 200 GET /v1/influencers/inf_01HX9Y6K7EJ4T2NOVAB
is "$(field '["status"]') $(field '["name"]')" "ready Nova (B variant)"
is "$(field '["projectId"]')" "$PROJECT"
is "$(field '["personality"]["humor"]')" dry-witty
[[ -n $(images) ]]
is "$(comm -12 <(echo "$sources") <(images))" ""
curl --silent --fail --output image "$(field '["referenceImages"][0]["url"]')"
is "$(head --bytes 4 image | tail --bytes 3)" PNG

# Patch, and select.
call 200 PATCH /v1/influencers/inf_01HX9Y6K7EJ4T2NOVAB -d '{"personality": {"tone": "playful"}}'
is "$(field '["personality"]')" "{'tone': 'playful', 'humor': 'dry-witty'}"
call 200 POST "/v1/projects/$PROJECT/content/selection" \
  -d '{"brief": {"influencerId": "inf_01HX9Y6K7EJ4T2NOVAB", "text": "Spring."}}'
is "$(field '["influencerId"]') $(field '["personality"]["tone"]')" "inf_01HX9Y6K7EJ4T2NOVAB playful"

# Delete: after that it isn't there.
call 200 DELETE /v1/influencers/inf_01HX9Y6K7EJ4T2NOVAB -d '{"reason": "The campaign is over."}'
is "$(field '["status"]')" deleted
call 404 GET /v1/influencers/inf_01HX9Y6K7EJ4T2NOVAB
is "$(field '["error"]["code"]')" NOT_FOUND
call 404 PATCH /v1/influencers/inf_01HX9Y6K7EJ4T2NOVAB -d '{"name": "N"}'
call 404 POST /v1/influencers/inf_01HX9Y6K7EJ4T2NOVAB/clone -d '{"name": "N"}'
call 404 POST /v1/influencers/inf_01HX9Y6K7EJ4T2NOVAB/reference-images -d "{\"assetIds\": [$ASSETS]}"
call 404 POST "/v1/projects/$PROJECT/content/selection" -d '{"brief": {"influencerId": "inf_01HX9Y6K7EJ4T2NOVAB"}}'
# History still shows it.
call 200 GET "/v1/jobs/$job"
is "$(field '["influencerId"]')" inf_01HX9Y6K7EJ4T2NOVAB
echo "Done."
