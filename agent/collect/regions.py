"""In which part of the world a provider's region is. Pure tables, by the names that the providers publish.

Where a provider names regions by a scheme, its beginnings are listed, the longest match counts; else every name. A
region that isn't here is `other`: better unknown than wrong.
"""

from collections.abc import Mapping

from agent.wire.vocabulary import OTHER


def _places(**words: str) -> Mapping[str, str]:
    return {name: part for part, names in words.items() for name in names.split()}


# docs.aws.amazon.com, Regions and Zones: il-central-1 is Tel Aviv; ap-southeast-2, -4 and -6 are Sydney, Melbourne and
# Auckland.
_AWS = _places(
    africa="af-",
    asia="ap- cn-",
    europe="eu- eusc-",
    middle_east="il- me-",
    north_america="ca- mx- us-",
    oceania="ap-southeast-2 ap-southeast-4 ap-southeast-6",
    south_america="sa-",
)
# cloud.google.com, Regions and zones; northamerica-south1 is Querétaro.
_GCP = _places(
    africa="africa-",
    asia="asia-",
    europe="europe-",
    middle_east="me-",
    north_america="northamerica- us-",
    oceania="australia-",
    south_america="southamerica-",
)
# learn.microsoft.com, list of Azure regions. Beginnings where all regions of a country share one.
_AZURE = _places(
    africa="southafrica",
    asia="centralindia chinaeast chinanorth eastasia indonesiacentral japan jioindia korea malaysia southeastasia "
    "southindia taiwan westindia",
    europe="austriaeast belgiumcentral denmarkeast france germany italynorth northeurope norway poland spaincentral "
    "sweden switzerland uksouth ukwest westeurope",
    middle_east="israel qatar uae",
    north_america="canada centralus eastus mexicocentral northcentralus southcentralus usdod usgov westcentralus "
    "westus",
    oceania="australia newzealand",
    south_america="brazil chilecentral",
)
# docs.digitalocean.com, regional availability.
_DIGITALOCEAN = _places(asia="blr sgp", europe="ams fra lon", north_america="atl nyc ric sfo tor", oceania="syd")
# techdocs.akamai.com, regions: ap-west is Mumbai, ap-south Singapore, ap-northeast Tokyo, ap-southeast Sydney.
_LINODE = _places(
    asia="ap-northeast ap-south ap-west id- in- jp- sg-",
    europe="de- es- eu- fr- gb- it- nl- se-",
    north_america="ca- us-",
    oceania="ap-southeast au-",
    south_america="br- cl- co-",
)
# docs.oracle.com, Regions and Availability Domains.
_ORACLE = _places(
    africa="af-",
    asia="ap-",
    europe="eu- uk-",
    middle_east="il- me-",
    north_america="ca- mx- us-",
    oceania="ap-melbourne ap-sydney",
    south_america="sa-",
)
# docs.hetzner.com, Locations.
_HETZNER = _places(asia="sin", europe="fsn hel nbg", north_america="ash hil")
# www.alibabacloud.com, Regions and zones: na-south-1 is Mexico, ap-southeast-2 was Sydney.
_ALIBABA = _places(
    asia="ap- cn-",
    europe="eu-",
    middle_east="me-",
    north_america="na-south- us-",
    oceania="ap-southeast-2",
)
# cloud.ibm.com, Region and data center locations.
_IBM = _places(asia="in-che in-mum jp-", europe="eu-", north_america="ca- us-", oceania="au-", south_america="br-")
_TABLES: Mapping[str, Mapping[str, str]] = {
    "alibaba": _ALIBABA,
    "aws": _AWS,
    "azure": _AZURE,
    "digitalocean": _DIGITALOCEAN,
    "gcp": _GCP,
    "hetzner": _HETZNER,
    "ibm": _IBM,
    "linode": _LINODE,
    "oracle": _ORACLE,
}


def class_of(provider: str | None, region: str) -> str:
    """Return the part of the world in which a provider's region is, `other` where that is not known."""
    table = _TABLES.get(provider or "", {})
    known = [beginning for beginning in table if region.startswith(beginning)]
    return table[max(known, key=len)] if known else OTHER
