"""What kind of storage a class gives, by its provisioner. A pure table.

Names are those of the CSI drivers' own registrations (kubernetes-csi.github.io, Drivers) and of the volume plugins that
came with Kubernetes.
"""

from collections.abc import Mapping

_EXACT: Mapping[str, str] = {
    "ebs.csi.aws.com": "aws_ebs",
    "ebs.csi.eks.amazonaws.com": "aws_ebs",
    "kubernetes.io/aws-ebs": "aws_ebs",
    "efs.csi.aws.com": "aws_efs",
    "disk.csi.azure.com": "azure_disk",
    "kubernetes.io/azure-disk": "azure_disk",
    "file.csi.azure.com": "azure_file",
    "kubernetes.io/azure-file": "azure_file",
    "kubernetes.io/cephfs": "ceph_fs",
    "kubernetes.io/rbd": "ceph_rbd",
    "dobs.csi.digitalocean.com": "digitalocean",
    "filestore.csi.storage.gke.io": "gcp_filestore",
    "pd.csi.storage.gke.io": "gcp_pd",
    "kubernetes.io/gce-pd": "gcp_pd",
    "csi.hetzner.cloud": "hetzner",
    "hostpath.csi.k8s.io": "hostpath",
    "k8s.io/minikube-hostpath": "hostpath",
    "microk8s.io/hostpath": "hostpath",
    "vpc.block.csi.ibm.io": "ibm",
    "ibm.io/ibmc-block": "ibm",
    "ibm.io/ibmc-file": "ibm",
    "linodebs.csi.linode.com": "linode",
    "rancher.io/local-path": "local_path",
    "kubernetes.io/no-provisioner": "local_volume",
    "local.csi.openebs.io": "openebs",
    "openebs.io/local": "openebs",
    "io.openebs.csi-mayastor": "openebs",
    "driver.longhorn.io": "longhorn",
    "nfs.csi.k8s.io": "nfs",
    "cinder.csi.openstack.org": "openstack_cinder",
    "kubernetes.io/cinder": "openstack_cinder",
    "blockvolume.csi.oraclecloud.com": "oracle",
    "fss.csi.oraclecloud.com": "oracle",
    "oracle.com/oci": "oracle",
    "pxd.portworx.com": "portworx",
    "kubernetes.io/portworx-volume": "portworx",
    "csi.vsphere.vmware.com": "vsphere",
    "kubernetes.io/vsphere-volume": "vsphere",
}
# Rook puts the namespace of its operator before the driver's name, the NFS provisioner that of its chart.
_ENDINGS: Mapping[str, str] = {
    "cephfs.csi.ceph.com": "ceph_fs",
    "rbd.csi.ceph.com": "ceph_rbd",
    "nfs-subdir-external-provisioner": "nfs",
    ".openebs.io": "openebs",
}


def kind_of(provisioner: str) -> str | None:
    """Return a word of STORAGE_KINDS, None where the provisioner is none that is listed."""
    exact = _EXACT.get(provisioner)
    return exact or next((word for ending, word in _ENDINGS.items() if provisioner.endswith(ending)), None)
