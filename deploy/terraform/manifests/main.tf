# The objects of deploy/kubernetes as data, changed as the variables say. No provider and no cluster are needed, so that a
# test can compare them with what kustomize makes of the same files.

locals {
  kubernetes = "${path.module}/../../kubernetes"
  base       = "${local.kubernetes}/base"
  overlay    = "${local.kubernetes}/overlays/${var.privacy_level}"

  # What kustomize would read; an overlay's other resource is the base.
  files = concat(
    ["${local.kubernetes}/namespace.yaml"],
    [for name in yamldecode(file("${local.base}/kustomization.yaml")).resources : "${local.base}/${name}"],
    [
      for name in yamldecode(file("${local.overlay}/kustomization.yaml")).resources : "${local.overlay}/${name}"
      if endswith(name, ".yaml")
    ],
  )

  # yamldecode takes one document at a time. An empty list is left out: the API server forgets the one of a role without
  # rules, which the provider would take for a failure.
  read = flatten([
    for path in local.files : [
      for text in split("\n---\n", file(path)) : {
        for key, value in yamldecode(text) : key => value if !try(length(value) == 0, false)
      }
    ]
  ])

  by_name = {
    for each in local.read : "${each.kind}/${each.metadata.name}" => merge(each, {
      metadata = merge(each.metadata, {
        labels = merge(each.metadata.labels, { "prism-platform.io/environment" = var.environment })
      })
    })
  }

  namespace  = local.by_name["Namespace/prism-observability"]
  config_map = local.by_name["ConfigMap/telemetry-config"]
  deployment = local.by_name["Deployment/telemetry-agent"]
  template   = local.deployment.spec.template
  container  = local.template.spec.containers[0]

  # The level, here and in the Deployment's annotation, is what the overlay's own patches would set.
  data = merge(
    local.config_map.data,
    { privacy_level = var.privacy_level },
    { for key, value in var.data : key => value if value != null },
  )

  changed_container = merge(local.container, {
    image = coalesce(var.image, local.container.image)
    resources = {
      requests = merge(local.container.resources.requests, var.resource_requests)
      limits   = merge(local.container.resources.limits, var.resource_limits)
    }
  })

  changed_template = merge(local.template, {
    metadata = merge(local.template.metadata, {
      annotations = merge(local.template.metadata.annotations, {
        "prism-platform.io/privacy-level" = var.privacy_level
        # The agent reads its configuration when it starts, so that a changed one has to start it.
        "prism-platform.io/configuration" = sha256(jsonencode(local.data))
      })
    })
    spec = merge(local.template.spec, { containers = [local.changed_container] })
  })

  changed_spec = merge(local.deployment.spec, { template = local.changed_template })

  changed_deployment = merge(local.deployment, {
    metadata = merge(local.deployment.metadata, {
      annotations = {
        # A rollout makes Kubernetes count up its own annotation (deployment.kubernetes.io/revision). The provider allows
        # that only where an annotation of ours changes at the same time, and fails otherwise, after the rollout:
        # https://github.com/hashicorp/terraform-provider-kubernetes/issues/2808
        "prism-platform.io/specification" = sha256(jsonencode(local.changed_spec))
      }
    })
    spec = local.changed_spec
  })
}
