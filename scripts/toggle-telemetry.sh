#!/usr/bin/env bash
# Switches the telemetry agent on or off, or tells how it stands: in the cluster that kubectl talks to, and in a
# terraform.tfvars. Doing the same again changes nothing. For bash 3.2 and later, as on macOS.
set -euo pipefail

readonly deployment=telemetry-agent configmap=telemetry-config
readonly levels="minimal standard detailed"
readonly policy_url=https://corrective-drift.com/privacy
# The label of whatever a run of probes creates, and the kinds of that.
readonly runs=app.kubernetes.io/managed-by=prism-telemetry-agent
readonly run_kinds=configmaps,jobs,services,persistentvolumeclaims
here=$(cd "$(dirname "$0")" && pwd)
readonly manifests=$here/../deploy/kubernetes

usage() {
    cat <<'TEXT'
Usage: toggle-telemetry.sh enable|disable|status [options]

  enable    Switch the agent on. This is your consent to the level, to the data types of the configuration and to the
            exact schema of the agent that is installed: `telemetry-agent fields` lists every field.
  disable   Switch it off, and remove the probe Jobs that run.
  status    Tell how it stands; change nothing.

Options:
  --level LEVEL           minimal, standard or detailed, for enable; default: as it is configured
  --policy-version N      the version of the privacy policy that you have read, for enable; default: 1.0
  --namespace NAMESPACE   default: prism-observability
  --context CONTEXT       of the kubeconfig; default: the current one
  -h, --help              show this
  --tfvars FILE           change this file alone, and no cluster. Without it the cluster is changed, and
                          ./terraform.tfvars too where that has enable_telemetry_agent

Exit codes: 0 done, 2 wrong usage, 3 the cluster or the file lacks something.
TEXT
}

say() { printf '%s\n' "$*"; }
fail() { # CODE MESSAGE
    printf 'toggle-telemetry.sh: %s\n' "$2" >&2
    exit "$1"
}

command='' level='' policy_version=1.0 namespace=prism-observability context='' tfvars=''

parse() {
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) usage && exit 0 ;;
            --level | --policy-version | --namespace | --context | --tfvars)
                [ $# -ge 2 ] && [ -n "$2" ] || fail 2 "$1 takes a value: see --help"
                case $1 in
                    --level) level=$2 ;;
                    --policy-version) policy_version=$2 ;;
                    --namespace) namespace=$2 ;;
                    --context) context=$2 ;;
                    --tfvars) tfvars=$2 ;;
                esac
                shift
                ;;
            enable | disable | status)
                [ -z "$command" ] || fail 2 "$command and $1: give one of them"
                command=$1
                ;;
            *) fail 2 "unknown: $1: see --help" ;;
        esac
        shift
    done
    [ -n "$command" ] || fail 2 "give enable, disable or status: see --help"
    [ -z "$level" ] || [ "$command" = enable ] || fail 2 "--level is for enable"
    [ -z "$level" ] || is_level "$level" || fail 2 "there is no level $level: allowed are $levels"
    [[ $policy_version =~ ^[0-9]{1,4}(\.[0-9]{1,4}){0,2}$ ]] || fail 2 "--policy-version is like 1.0, not $policy_version"
    [[ $namespace =~ ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ ]] || fail 2 "$namespace is no name of a namespace"
}

is_level() {
    local each
    for each in $levels; do
        [ "$1" != "$each" ] || return 0
    done
    return 1
}

# --- terraform.tfvars ---

has_variable() { [ -f "$2" ] && grep -Eq "^[[:space:]]*$1[[:space:]]*=" "$2"; } # NAME FILE

value_of() { # NAME FILE
    sed -En "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*\"?([A-Za-z0-9_.-]*)\"?.*/\1/p" "$2" | tail -n 1
}

set_variable() { # NAME VALUE-AS-WRITTEN FILE
    local old new
    if has_variable "$1" "$3"; then
        old=$(cat "$3" && printf x)
        # What follows the value, such as a comment, stays.
        new=$(sed -E "s/^([[:space:]]*$1[[:space:]]*=[[:space:]]*)(\"[^\"]*\"|[A-Za-z0-9_.-]+)/\1$2/" "$3" && printf x)
        [ "$old" != "$new" ] || { say "$3: $1 = $2 already"; return; }
        # Into the same file, which may be a link and has its own permissions.
        printf %s "${new%x}" >"$3"
    else
        # A last line without an end must not become the beginning of ours.
        [ ! -s "$3" ] || [ -z "$(tail -c 1 "$3")" ] || printf '\n' >>"$3"
        printf '%s = %s\n' "$1" "$2" >>"$3"
    fi
    say "$3: $1 = $2"
}

in_file() { # FILE
    case $command in
        enable)
            [ -z "$level" ] || set_variable telemetry_privacy_level "\"$level\"" "$1"
            set_variable enable_telemetry_agent true "$1"
            say "Now: terraform apply"
            ;;
        disable)
            set_variable enable_telemetry_agent false "$1"
            say "Now: terraform apply"
            ;;
        status)
            say "$1: enable_telemetry_agent = $(value_of enable_telemetry_agent "$1")," \
                "telemetry_privacy_level = $(value_of telemetry_privacy_level "$1")"
            ;;
    esac
}

# --- the cluster ---

kube() { kubectl ${context:+--context "$context"} --namespace "$namespace" "$@"; }
setting() { kube get configmap "$configmap" --output "jsonpath={.data.$1}"; } # KEY
in_pod() { kube exec "deployment/$deployment" --container "$deployment" -- "$@"; }
agent() { in_pod telemetry-agent "$@"; }

# What the agent says of itself, once it has looked.
standing() {
    local tries=0 told=''
    while [ $tries -lt 30 ]; do
        told=$(in_pod curl --silent localhost:8080/readyz) || told=''
        case $told in '' | *unchecked*) sleep 1 ;; *) break ;; esac
        tries=$((tries + 1))
    done
    printf '%s' "${told:-it does not answer}"
}

# An upgrade can have made a consent stale, and who revoked has done so in the pod.
lacks_consent() { case $1 in *consent*) ;; *) return 1 ;; esac } # STANDING

restart() {
    kube rollout restart "deployment/$deployment"
    kube rollout status "deployment/$deployment" --timeout 180s ||
        fail 3 "the agent does not start: kubectl logs -n $namespace deployment/$deployment"
}

# What the level may do. They are the same objects at each level: what a higher one could do beyond it is taken away.
apply_rbac() { # LEVEL
    local file=$manifests/overlays/$1/rbac.yaml
    [ -f "$file" ] || fail 3 "$file is missing: run this script where the project is checked out"
    sed "s/namespace: prism-observability/namespace: $namespace/" "$file" | kube apply --filename -
}

enable_in_cluster() {
    local before enabled digest now now_told
    before=$(setting privacy_level)
    enabled=$(setting enabled)
    level=${level:-${before:-minimal}}
    is_level "$level" || fail 3 "the ConfigMap has the level $level, which there is not: give --level"
    if [ "$enabled" = true ] && [ "$before" = "$level" ] && ! lacks_consent "$(standing)"; then
        say "Already enabled at the level $level in namespace $namespace: nothing was changed."
        return
    fi
    # The agent that runs says what can be sent; another version of it would pause until somebody consents again.
    digest=$(agent fields --format json | sed -En 's/.*"schema_digest": "([0-9a-z]+)".*/\1/p') || digest=''
    [ -n "$digest" ] || fail 3 "the agent's pod tells no schema to consent to: kubectl get pods -n $namespace"
    [ "$before" = "$level" ] || apply_rbac "$level"
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    kube patch configmap "$configmap" --type merge --patch "{\"data\":{\"enabled\":\"true\",\"privacy_level\":\"$level\",
\"consent_timestamp\":\"$now\",\"consent_version\":\"$policy_version\",\"consent_privacy_policy_url\":\"$policy_url\",
\"consent_level\":\"$level\",\"consent_schema_digest\":\"$digest\"}}"
    restart
    now_told=$(standing)
    ! lacks_consent "$now_told" ||
        fail 3 "the agent says: $now_told: has another version started? Then look at \`telemetry-agent fields\`, and run this again"
    say "Enabled at the level $level in namespace $namespace, by your consent of $now to version $policy_version of"
    say "$policy_url and to the schema $(printf %.16s "$digest")."
    say "The agent says: $now_told"
    say "What will be sent: kubectl exec -n $namespace deployment/$deployment -- telemetry-agent preview"
}

disable_in_cluster() {
    local where
    if [ "$(setting enabled)" = true ]; then
        kube patch configmap "$configmap" --type merge --patch '{"data":{"enabled":"false"}}'
        restart
    else
        say "Already disabled in namespace $namespace."
    fi
    # The agent removes its own Jobs when it stops; these are of one that was killed.
    where=$(setting probes_namespace)
    kube delete "$run_kinds" --namespace "${where:-$namespace}" --selector "$runs" --ignore-not-found
    say "Disabled: nothing is collected or sent. To take the consent back and forget what waits:"
    say "kubectl exec -n $namespace deployment/$deployment -- telemetry-agent consent revoke"
}

status_in_cluster() {
    local enabled
    enabled=$(setting enabled)
    say "ConfigMap $configmap in namespace $namespace: enabled ${enabled:-false}, level $(setting privacy_level)"
    agent status || say "The agent's pod can't be asked: kubectl get pods -n $namespace"
}

cluster_is_there() {
    command -v kubectl >/dev/null || { reason="kubectl is not installed" && return 1; }
    reason=$(kube get configmap "$configmap" --output name 2>&1 >/dev/null | tail -n 1) || return 1
}

main() {
    local file reason=''
    parse "$@"
    if [ -n "$tfvars" ]; then
        [ -f "$tfvars" ] || fail 3 "there is no file $tfvars"
        in_file "$tfvars"
        return
    fi
    file=terraform.tfvars
    ! has_variable enable_telemetry_agent "$file" || in_file "$file"
    if cluster_is_there; then
        "${command}_in_cluster"
    elif has_variable enable_telemetry_agent "$file"; then
        say "No agent is reached by kubectl ($reason): $file alone counts."
    else
        fail 3 "no agent in namespace $namespace: $reason"
    fi
}

main "$@"
