"""Extract notes from hospital formats: FHIR, HL7 v2, C-CDA, OMOP, MIMIC, i2b2 and folders of documents."""
