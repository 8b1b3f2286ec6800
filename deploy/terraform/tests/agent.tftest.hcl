# terraform test: no cluster, since the provider's answers are made up. What the objects hold is compared with what
# kustomize makes of the same files by tests/deploy/test_terraform.py.

mock_provider "kubernetes" {}

run "nothing_is_created_unless_it_was_enabled" {
  command = apply

  assert {
    condition     = length(output.objects) == 0 && length(module.consent) == 0
    error_message = "Something is created though nobody has enabled the agent."
  }

  assert {
    condition     = output.namespace == null && output.endpoint == null && output.consent == null
    error_message = "An output tells of an agent that there is not."
  }
}

run "the_quick_start_s_variables_bring_an_agent_that_is_consented_to" {
  command = apply

  variables {
    enable_telemetry_agent  = true
    telemetry_privacy_level = "standard"
    telemetry_endpoint      = "https://telemetry.corrective-drift.com/v1/collect"
  }

  assert {
    condition     = output.namespace == "prism-observability" && contains(output.objects, "Deployment/telemetry-agent")
    error_message = "There is no agent."
  }

  assert {
    condition = (
      kubernetes_config_map_v1.configuration["telemetry-agent"].data.enabled == "true" &&
      output.consent.privacy_level == "standard" && output.consent.version == "1.0" &&
      can(formatdate("YYYY", output.consent.timestamp)) && length(output.consent.schema_digest) == 64
    )
    error_message = "The agent would find no consent."
  }
}

run "applying_again_with_another_endpoint_is_no_new_consent" {
  command = apply

  variables {
    enable_telemetry_agent  = true
    telemetry_privacy_level = "standard"
    telemetry_endpoint      = "https://telemetry.example.org/v1/collect"
  }

  assert {
    condition     = output.consent.timestamp == run.the_quick_start_s_variables_bring_an_agent_that_is_consented_to.consent.timestamp
    error_message = "Nobody has consented anew."
  }

  assert {
    condition     = output.endpoint == "https://telemetry.example.org/v1/collect"
    error_message = "The endpoint is another."
  }
}

run "another_level_has_other_permissions" {
  command = apply

  variables {
    enable_telemetry_agent  = true
    telemetry_privacy_level = "detailed"
  }

  assert {
    condition     = output.consent.privacy_level == "detailed"
    error_message = "The level is another."
  }

  assert {
    condition     = length(module.manifests.others["Role/telemetry-agent-probes"].rules) > 0
    error_message = "The detailed level can't run its probe Jobs."
  }
}

run "minimal_may_create_nothing_in_the_cluster" {
  command = apply

  variables {
    enable_telemetry_agent = true
  }

  assert {
    condition     = output.consent.privacy_level == "minimal" && !can(module.manifests.others["Role/telemetry-agent-probes"].rules)
    error_message = "The permissions are those of a higher level."
  }
}

run "naming_the_digest_that_was_read_is_another_consent" {
  command = apply

  variables {
    enable_telemetry_agent = true
    telemetry_consent      = { schema_digest = "0123456789abcdef" }
  }

  assert {
    condition     = output.consent.schema_digest == "0123456789abcdef"
    error_message = "The consent is not to the schema that was named."
  }
}

run "schedule_images_and_limits_are_what_was_asked_for" {
  command = apply

  variables {
    enable_telemetry_agent               = true
    environment                          = "test"
    create_namespace                     = false
    telemetry_image                      = "registry.example/telemetry-agent:1"
    telemetry_probe_image                = "registry.example/probe:1"
    telemetry_reporting_interval_minutes = 120
    telemetry_probes_interval_minutes    = 720
    telemetry_probes_window              = "22:00-05:00"
    telemetry_resource_limits            = { memory = "1Gi" }
    telemetry_settings                   = { collect_network_policies = "false" }
  }

  assert {
    condition = alltrue([
      for key, value in {
        reporting_interval_minutes = "120"
        probes_interval_minutes    = "720"
        probes_window              = "22:00-05:00"
        probes_image               = "registry.example/probe:1"
        collect_network_policies   = "false"
      } : kubernetes_config_map_v1.configuration["telemetry-agent"].data[key] == value
    ])
    error_message = "The configuration is another."
  }

  assert {
    condition     = module.manifests.deployment.spec.template.spec.containers[0].image == "registry.example/telemetry-agent:1"
    error_message = "The image is another."
  }

  assert {
    condition = (
      module.manifests.deployment.spec.template.spec.containers[0].resources.limits.memory == "1Gi" &&
      module.manifests.deployment.spec.template.spec.containers[0].resources.limits.cpu == "500m"
    )
    error_message = "The limits are others."
  }

  assert {
    condition = alltrue([
      for each in concat(values(module.manifests.others), [module.manifests.deployment, module.manifests.config_map]) :
      each.metadata.labels["prism-platform.io/environment"] == "test"
    ])
    error_message = "An object lacks the label of its environment."
  }

  assert {
    condition     = !contains(output.objects, "Namespace/prism-observability")
    error_message = "The namespace is another's."
  }
}

run "switching_it_off_removes_everything" {
  command = apply

  variables {
    enable_telemetry_agent = false
  }

  assert {
    condition     = length(output.objects) == 0 && output.consent == null
    error_message = "Something is left."
  }
}
