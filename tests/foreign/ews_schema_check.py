#!/usr/bin/env python3
"""Validates the EWS requests our client builds against Microsoft's own schemas.

    PORTCULLIS_EWS_REQUESTS_DIR=DIR cargo test -p portcullis-ews --test requests
    python tests/foreign/ews_schema_check.py DIR SCHEMAS

DIR holds one SOAP request a file; SCHEMAS holds `exchange-15.2/all.xsd` and `exchange2013-sp1/all.xsd`. The
first child of the Body and every child of the Header is validated as a document of its own, against the
newest schema, and against that of 2013 SP1 where the request asks for that version. Needs lxml, which
validates with libxml2: nobody here wrote either. Ends with 1 where anything is invalid, missing or not
covered.
"""

import pathlib
import sys

from lxml import etree

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
OPERATIONS = {
    "FindItem", "FindFolder", "GetItem", "GetAttachment", "MoveItem", "DeleteItem", "CreateItem", "SendItem",
    "UpdateItem", "DeleteAttachment", "MarkAsJunk", "GetInboxRules", "UpdateInboxRules", "ResolveNames",
    "GetUserOofSettingsRequest", "SetUserOofSettingsRequest", "CopyItem", "CreateAttachment",
    "ExpandDL", "FindPeople", "GetDelegate", "GetMailTips", "GetSearchableMailboxes", "GetServerTimeZones",
    "GetServiceConfiguration", "GetUserAvailabilityRequest", "SearchMailboxes",
    "GetFolder", "CreateFolder", "UpdateFolder", "DeleteFolder", "EmptyFolder", "MoveFolder", "CopyFolder",
    "SyncFolderItems", "SyncFolderHierarchy", "Subscribe", "Unsubscribe", "GetEvents", "GetStreamingEvents",
    "ExportItems", "UploadItems", "ConvertId",
}


def load(folder):
    path = folder / "all.xsd"
    if not path.is_file():
        sys.exit(f"{path} is missing: the schemas are needed, nothing was checked")
    return etree.XMLSchema(etree.parse(str(path)))


def refuses_what_is_wrong(schema, document):
    """A schema that takes anything proves nothing: a misspelt child must be refused."""
    broken = etree.fromstring(etree.tostring(document))
    etree.SubElement(broken, TYPES + "NoSuchElement")
    return not schema.validate(broken)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    requests, schemas = map(pathlib.Path, sys.argv[1:])
    newest, of_2013 = load(schemas / "exchange-15.2"), load(schemas / "exchange2013-sp1")
    seen, versions, invalid, checked = set(), set(), [], 0
    files = sorted(requests.glob("*.xml"))
    for file in files:
        envelope = etree.parse(str(file)).getroot()
        header, body = envelope.find(SOAP + "Header"), envelope.find(SOAP + "Body")
        version = header.find(TYPES + "RequestServerVersion").get("Version")
        versions.add(version)
        seen.add(etree.QName(body[0]).localname)
        against = {"15.2": newest}
        if version in ("Exchange2013", "Exchange2013_SP1"):
            against["2013 SP1"] = of_2013
        for name, schema in against.items():
            for part in [body[0], *header]:
                # That schema has the attribute fixed to its own version.
                if (name, version) == ("2013 SP1", "Exchange2013") and part.tag == TYPES + "RequestServerVersion":
                    continue
                alone = etree.fromstring(etree.tostring(part))
                checked += 1
                if not schema.validate(alone):
                    invalid.append(f"{file.name} against {name}: {schema.error_log.last_error}")
            if not refuses_what_is_wrong(schema, body[0]):
                invalid.append(f"{file.name} against {name}: the schema takes anything")
    for line in invalid[:20]:
        print(line, file=sys.stderr)
    if missing := OPERATIONS - seen:
        sys.exit(f"no request for {', '.join(sorted(missing))} among the {len(files)} files")
    if len(versions) < 2:
        sys.exit(f"requests of one version only: {versions}")
    if invalid:
        sys.exit(f"{len(invalid)} of {checked} parts are invalid")
    print(f"{len(files)} requests, {checked} parts valid, {len(seen)} operations, versions {', '.join(sorted(versions))}")


if __name__ == "__main__":
    main()
