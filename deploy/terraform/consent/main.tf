# When somebody consented, and to which schema. Kept in Terraform's state, so that neither applying again nor an upgrade
# is a new consent. The agent takes none that is as old as one it knows: `telemetry-agent consent revoke` lasts, too.

resource "terraform_data" "consent" {
  input = {
    timestamp     = plantimestamp()
    schema_digest = coalesce(var.schema_digest, var.current_schema_digest)
  }

  # What a person decides: another value is another consent. What a new version can send is not among it.
  triggers_replace = {
    level         = var.privacy_level
    data_types    = var.data_types
    version       = var.policy_version
    schema_digest = var.schema_digest
  }

  lifecycle {
    ignore_changes = [input]
  }
}
