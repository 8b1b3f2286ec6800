# Of `input`, not of `output`: that is known when a plan is made.
output "timestamp" {
  description = "When it was given."
  value       = terraform_data.consent.input.timestamp
}

output "schema_digest" {
  description = "What it was given to."
  value       = terraform_data.consent.input.schema_digest
}
