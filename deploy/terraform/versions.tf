terraform {
  # 1.7 brought mock_provider, which tests/ uses.
  required_version = ">= 1.7"

  required_providers {
    # Its settings come from whoever calls this module. Where it is applied by itself, KUBE_CONFIG_PATH names the
    # kubeconfig: the provider never looks for ~/.kube/config of its own accord.
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 3.0"
    }
  }
}
