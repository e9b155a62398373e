"""Streets, towns, institutions and postal codes of several countries, and words that look like them."""

import pytest

from synthgen.deidentify.engines import find_identifiers

PLACES = {"street", "place", "postal_code"}


def places(text):
    return [text[s.start : s.end] for s in find_identifiers(text, ()) if s.kind in PLACES]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "DISCHARGED TO: CEDAR FALLS REHABILITATION AND NURSING CENTER",
            ["CEDAR FALLS REHABILITATION AND NURSING CENTER"],
        ),
        ("LOC: HOLLENBACH VA MEDICAL CENTER 3 WEST", ["HOLLENBACH VA MEDICAL CENTER"]),
        ("Lives at 9 Bandicoot Crescent, Moorlea QLD 4105, no stairs", ["9 Bandicoot Crescent, Moorlea QLD 4105"]),
        ("c/o Flat 2/1, 88 Dunrobin Rd, Perth PH1 6XX", ["Flat 2/1, 88 Dunrobin Rd, Perth PH1 6XX"]),
        ("Mail: RR 3 Site 12 Box 9, Antigrove, NS B2G 2L1", ["RR 3 Site 12 Box 9, Antigrove, NS B2G 2L1"]),
        ("sleeping at 5th and Alderman", ["5th and Alderman"]),
        ("crash on Route 33 near home", ["Route 33"]),
        ("GP at Main Street, Clonbrack P85 XY10", ["Main Street, Clonbrack P85 XY10"]),
        ("Discharge to Tigh na Brae Care Home, fit", ["Tigh na Brae Care Home"]),
        ("at Whistling Pines Trailer Park, Lot 31.", ["Whistling Pines Trailer Park, Lot 31"]),
        ("moved from the Royal Dunmorel by road", ["Royal Dunmorel"]),
        ("letter from Kettlewellan District General.", ["Kettlewellan District General"]),
        ("back to Dr Moran's Surgery for removal", ["Dr Moran's Surgery"]),
    ],
)
def test_places_are_found(text, found):
    assert places(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "HR 88, RR 18, SpO2 97% RA",
        "Staged T2N1M0.",
        "Pain from T12 L3S1 down",
        "Home visit to Mrs. P, dressings changed",
        "Postcode LS8 missing; ward 4 EAST",
        "Grew up in Alberta and Queensland.",
        "Occlusion of the M1 segment; on I-131 therapy",
        "4 Chamber View normal. 2 AP View, 3 Oblique View",
        "Amputation of 3rd and 4th toes, and of Second and 4th toes",
        "Travel to Kenya, India and Brazil",
        "DEXA Imaging; seen in INR clinic, TAVI clinic and Fontan clinic",
    ],
)
def test_what_is_no_place_stays(text):
    assert places(text) == []
