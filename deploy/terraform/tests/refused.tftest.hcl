# What can't be meant is refused before a plan is made, all of it at once.

mock_provider "kubernetes" {}

run "what_there_is_not" {
  command = plan

  variables {
    enable_telemetry_agent               = true
    telemetry_privacy_level              = "everything"
    telemetry_endpoint                   = "http://telemetry.example.org/v1/collect"
    environment                          = "a test"
    telemetry_reporting_interval_minutes = 0
    telemetry_probes_interval_minutes    = 59
    telemetry_probes_window              = "always"
    telemetry_consent                    = { privacy_policy_url = "http://corrective-drift.com/privacy" }
    telemetry_resource_limits            = { memroy = "1Gi" }
    telemetry_resource_requests          = { gpu = "1" }
    telemetry_settings                   = { consent_timestamp = "2024-01-01T00:00:00Z" }
  }

  expect_failures = [
    var.telemetry_privacy_level, var.telemetry_endpoint, var.environment, var.telemetry_reporting_interval_minutes,
    var.telemetry_probes_interval_minutes, var.telemetry_probes_window, var.telemetry_consent,
    var.telemetry_resource_limits, var.telemetry_resource_requests, var.telemetry_settings,
  ]
}

run "what_would_come_to_nothing" {
  command = plan

  variables {
    telemetry_endpoint = "https://telemetry.example.org/"
    telemetry_consent  = { schema_digest = "the latest" }
    telemetry_settings = { privacy_level = "detailed" }
  }

  expect_failures = [var.telemetry_endpoint, var.telemetry_consent, var.telemetry_settings]
}
