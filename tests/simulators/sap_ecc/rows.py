"""A few rows of each table, as the module writes them; cells not named are initial."""

MATERIAL, SECOND = "000000000000000123", "PUMP-7"
PUMP, STATION = "000000000010000001", "000000000010000002"
ORDER = "000004000001"

ROWS: dict[str, list[dict[str, str]]] = {
    "T001": [{"BUKRS": "1000", "BUTXT": "Plant Works", "ORT01": "Ulm", "LAND1": "DE", "WAERS": "EUR"}],
    "T001W": [
        {"WERKS": "1000", "NAME1": "Ulm", "NAME2": "Main works", "BWKEY": "1000", "STRAS": "Werkstr. 1"}
        | {"PSTLZ": "89073"}
        | {"ORT01": "Ulm", "LAND1": "DE", "REGIO": "08", "EKORG": "1000", "IWERK": "1000"}
    ],
    "T001K": [{"BWKEY": "1000", "BUKRS": "1000"}],
    "T001L": [{"WERKS": "1000", "LGORT": "0001", "LGOBE": "Spare parts"}],
    "CSKS": [
        {"KOKRS": "1000", "KOSTL": "0000004100", "DATBI": "20201231", "DATAB": "20000101"}
        | {"ERSDA": "20000101"},
        {"KOKRS": "1000", "KOSTL": "0000004100", "DATBI": "99991231", "DATAB": "20210101", "BUKRS": "1000"}
        | {"KOSAR": "H", "VERAK": "A. Smith", "ABTEI": "MAINT", "ERSDA": "20000101", "WERKS": "1000"},
    ],
    "CSKT": [
        {"SPRAS": language, "KOKRS": "1000", "KOSTL": "0000004100", "DATBI": "99991231", "KTEXT": short}
        | {"LTEXT": long}
        for language, short, long in (("D", "Instandh.", "Instandhaltung"), ("E", "Maint.", "Maintenance"))
    ],
    "LFA1": [
        {"LIFNR": "0000000042", "NAME1": "Pumps | Valves Ltd", "NAME2": "Export", "SORTL": "PUMPS"}
        | {"STRAS": "Dock 3"}
        | {"PSTLZ": "20457", "ORT01": "Hamburg", "REGIO": "02", "LAND1": "DE", "TELF1": "040 1"}
        | {"STCEG": "DE1"}
        | {"KTOKK": "KRED", "ERDAT": "20240101", "SPERM": "X"},
        {"LIFNR": "ACME", "NAME1": "Acme", "ERDAT": "20240102"},
    ],
    "USER_ADDR": [{"BNAME": "SMITH", "NAME_FIRST": "Ann", "NAME_LAST": "Smith", "NAME_TEXTC": "Ann Smith"}],
    "CRHD": [{"OBJTY": "A", "OBJID": "10000001", "ARBPL": "MECH", "WERKS": "1000", "VERWE": "0005"}],
    "CRTX": [{"OBJTY": "A", "OBJID": "10000001", "SPRAS": "E", "KTEXT": "Mechanics"}],
    "T006": [{"MSEHI": "KG", "ISOCODE": "KGM", "DIMID": "MASS"}, {"MSEHI": "ST", "ISOCODE": "PCE", "DIMID": "AAAADL"}],
    "T006A": [
        {"SPRAS": "D", "MSEHI": "ST", "MSEH3": "ST", "MSEHL": "Stück"},
        {"SPRAS": "E", "MSEHI": "ST", "MSEH3": "PC", "MSEHL": "piece"},
    ],
    "TCURC": [{"WAERS": "EUR", "ISOCD": "EUR"}, {"WAERS": "JPY", "ISOCD": "JPY"}],
    "TCURT": [{"SPRAS": "E", "WAERS": "EUR", "LTEXT": "Euro"}],
    "TCURX": [{"CURRKEY": "JPY", "CURRDEC": "0 "}],
    "MARA": [
        {"MATNR": MATERIAL, "ERSDA": "20240110", "LAEDA": "20260110", "MTART": "ERSA", "MATKL": "PUMPS"}
        | {"MEINS": "ST"}
        | {"BISMT": "P-1", "BRGEW": "12.500 ", "NTGEW": "12.000 ", "GEWEI": "KG", "EAN11": "4000"}
        | {"GROES": "DN50"}
        | {"NORMT": "EN 1", "MSTAE": "01", "MFRPN": "SEAL-50", "MFRNR": "0000000042"},
        {"MATNR": SECOND, "ERSDA": "20240111", "LVORM": "X", "MEINS": "ST"},
    ],
    "MAKT": [
        {"MATNR": MATERIAL, "SPRAS": "D", "MAKTX": "Dichtung"},
        {"MATNR": MATERIAL, "SPRAS": "E", "MAKTX": "Seal | 50"},
    ],
    "MARC": [
        {"MATNR": MATERIAL, "WERKS": "1000", "MINBE": "5.000 ", "EISBE": "2.000 ", "MABST": "20.000 "}
        | {"DISPO": "001"}
    ],
    "MARD": [
        {"MATNR": MATERIAL, "WERKS": "1000", "LGORT": "0001", "LABST": "7.250 ", "INSME": "1.000 "}
        | {"LGPBE": "A-01"}
        | {"RETME": "3.000-"}
    ],
    "EKKO": [
        {"EBELN": "4500000001", "BSTYP": "F", "BSART": "NB", "BUKRS": "1000", "LIFNR": "0000000042"}
        | {"EKORG": "1000"}
        | {"EKGRP": "001", "WAERS": "EUR", "BEDAT": "20260105", "AEDAT": "20260104", "ERNAM": "SMITH"}
        | {"ZTERM": "0001"}
        | {"FRGKE": "2", "PROCSTAT": "05", "IHREZ": "REF-1", "UNSEZ": "Gate 2"},
        {"EBELN": "4500000002", "BSTYP": "F", "WAERS": "JPY", "AEDAT": "20260106", "PROCSTAT": "77"},
        {"EBELN": "4600000001", "BSTYP": "K", "WAERS": "EUR", "AEDAT": "20260106"},
    ],
    "EKPO": [
        {"EBELN": "4500000001", "EBELP": "00010", "BSTYP": "F", "AEDAT": "20260105", "TXZ01": "Seal | 50"}
        | {"MATNR": MATERIAL, "WERKS": "1000", "LGORT": "0001", "MATKL": "PUMPS", "IDNLF": "S50"}
        | {"MENGE": "200.000 "}
        | {"MEINS": "ST", "BPRME": "ST", "PEINH": "100 ", "NETPR": "12.50 ", "NETWR": "25.00 ", "PSTYP": "0"},
        {"EBELN": "4500000001", "EBELP": "00020", "BSTYP": "F", "AEDAT": "20260105", "TXZ01": "Service"}
        | {"PEINH": "1 "}
        | {"WERKS": "1000", "MENGE": "1.000 ", "MEINS": "ST", "NETPR": "5.00 ", "NETWR": "5.00-"}
        | {"PSTYP": "9", "LOEKZ": "L"},
        {"EBELN": "4500000002", "EBELP": "00010", "BSTYP": "F", "AEDAT": "20260106", "PEINH": "1 "}
        | {"NETPR": "10.00 "}
        | {"MENGE": "2.000 ", "NETWR": "20.00 "},
        {"EBELN": "4600000001", "EBELP": "00010", "BSTYP": "K", "AEDAT": "20260106", "PEINH": "1 "},
    ],
    "EBAN": [
        {"BANFN": "0010000001", "BNFPO": "00010", "BSART": "NB", "TXZ01": "Seal", "MATNR": MATERIAL}
        | {"WERKS": "1000"}
        | {"LGORT": "0001", "MENGE": "10.000 ", "MEINS": "ST", "BSMNG": "4.000 ", "PREIS": "12.50 "}
        | {"PEINH": "10 "}
        | {"WAERS": "EUR", "LFDAT": "20260301", "BADAT": "20260101", "ERDAT": "20260107"}
        | {"ERNAM": "SMITH", "STATU": "B"}
        | {"AFNAM": "Jones", "EBELN": "4500000001", "EBELP": "00010", "LIFNR": "0000000042", "BANPR": "05"}
    ],
    "MKPF": [
        {"MBLNR": "5000000001", "MJAHR": "2026", "VGART": "WE", "BLDAT": "20260110"}
        | {"BUDAT": "20260111", "CPUDT": "20260111"}
        | {"CPUTM": "083000", "USNAM": "SMITH", "XBLNR": "DN-7", "BKTXT": "Delivery 7"},
        {"MBLNR": "4900000001", "MJAHR": "2026", "VGART": "WA", "CPUDT": "20260111"},
    ],
    "MSEG": [
        {"MBLNR": "5000000001", "MJAHR": "2026", "ZEILE": "0001", "BWART": "101", "MATNR": MATERIAL}
        | {"WERKS": "1000"}
        | {"LGORT": "0001", "SHKZG": "S", "MENGE": "50.000 ", "MEINS": "ST", "ERFMG": "50.000 "}
        | {"ERFME": "ST"}
        | {"DMBTR": "6.25 ", "WAERS": "EUR", "EBELN": "4500000001", "EBELP": "00010", "LIFNR": "0000000042"}
    ],
    "RBKP": [
        {"BELNR": "5105600001", "GJAHR": "2026", "BUKRS": "1000", "BLART": "RE", "BLDAT": "20260115"}
        | {"BUDAT": "20260116"}
        | {"CPUDT": "20260116", "XBLNR": "INV-9", "LIFNR": "0000000042", "WAERS": "JPY"}
        | {"RMWWR": "11.90 ", "WMWST1": "1.90 "}
        | {"ZTERM": "0001", "ZFBDT": "20260115", "XRECH": "X", "RBSTAT": "5", "SGTXT": "Seals"}
        | {"STJAH": "0000"}
    ],
    "RSEG": [
        {"BELNR": "5105600001", "GJAHR": "2026", "BUZEI": "000001", "EBELN": "4500000001"}
        | {"EBELP": "00010", "WERKS": "1000"}
        | {"MATNR": MATERIAL, "WRBTR": "10.00 ", "MENGE": "50.000 ", "BSTME": "ST", "SHKZG": "S"}
    ],
    "IFLOT": [
        {"TPLNR": "ULM", "FLTYP": "M", "ERDAT": "20200101"},
        {"TPLNR": "ULM-P1", "FLTYP": "M", "TPLMA": "ULM", "ILOAN": "000000000001", "ERDAT": "20200101"}
        | {"AEDAT": "20260101"}
        | {"EQART": "PUMPST", "IWERK": "1000"},
    ],
    "IFLOTX": [{"TPLNR": "ULM-P1", "SPRAS": "E", "PLTXT": "Pump station 1"}],
    "ILOA": [
        {"ILOAN": "000000000001", "TPLNR": "ULM-P1", "SWERK": "1000", "MSGRP": "R1", "ABCKZ": "A"}
        | {"KOSTL": "0000004100"}
        | {"BUKRS": "1000"}
    ],
    "EQUI": [
        {"EQUNR": PUMP, "ERDAT": "20240101", "AEDAT": "20260102", "EQTYP": "M", "EQART": "PUMP"}
        | {"HERST": "KS", "TYPBZ": "X5"}
        | {"MAPAR": "X5-50", "SERGE": "SN1", "BAUJJ": "2019", "INBDT": "20200201", "ANSWT": "1000.00 "}
        | {"WAERS": "JPY"}
        | {"INVNR": "INV1", "MATNR": MATERIAL, "SERNR": "1", "OBJNR": f"IE{PUMP}"},
        {"EQUNR": STATION, "ERDAT": "20240101", "LVORM": "X", "OBJNR": f"IE{STATION}"},
    ],
    "EQKT": [{"EQUNR": PUMP, "SPRAS": "E", "EQKTX": "Feed pump"}],
    "EQUZ": [
        {"EQUNR": PUMP, "DATBI": "20241231", "EQLFN": "001", "DATAB": "20240101", "HEQUI": "OLD"},
        {"EQUNR": PUMP, "DATBI": "99991231", "EQLFN": "001", "DATAB": "20250101", "HEQUI": STATION}
        | {"ILOAN": "000000000001"}
        | {"IWERK": "1000", "GEWRK": "10000001", "TIDNR": "P-101"},
    ],
    "IMPTT": [
        {"POINT": "000000000001", "MPOBJ": f"IE{PUMP}", "PSORT": "HOURS", "MPTYP": "M", "INDCT": "X"}
        | {"MRNGU": "ST"}
        | {"ERDAT": "20240101", "PTTXT": "Running hours"},
        {"POINT": "000000000002", "MPOBJ": f"IE{PUMP}", "ERDAT": "20240101", "PTTXT": "Temperature"},
    ],
    "MPLA": [
        {"WARPL": "000000000007", "WPTXT": "Yearly check", "MPTYP": "PM", "STRAT": "A"}
        | {"STADT": "20260101", "HORIZ": "90"}
        | {"ERSDT": "20230101", "AEDTM": "20260103"}
    ],
    "MPOS": [
        {"WAPOS": "0000000000000001", "PSTXT": "Check pump", "WARPL": "000000000007", "EQUNR": PUMP}
        | {"IWERK": "1000"}
        | {"GEWRK": "10000001", "PRIOK": "2", "AUART": "PM01"},
        {"WAPOS": "0000000000000002", "PSTXT": "Check hall", "WARPL": "000000000007"},
    ],
    "AUFK": [
        {"AUFNR": ORDER, "AUTYP": "30", "AUART": "PM01", "KTEXT": "Repair pump", "BUKRS": "1000"}
        | {"WERKS": "1000"}
        | {"KOKRS": "1000", "KOSTV": "0000004100", "IDAT1": "20260106", "IDAT2": "20260120"}
        | {"ERDAT": "20260105"}
        | {"ERNAM": "SMITH", "AEDAT": "20260120"},
        {"AUFNR": "000004000002", "AUTYP": "30", "KTEXT": "Old order", "KOKRS": "1000", "ERDAT": "20240105"},
        {"AUFNR": "000010000001", "AUTYP": "10", "KTEXT": "Production", "ERDAT": "20260105"},
    ],
    "AFIH": [
        {"AUFNR": ORDER, "PRIOK": "1", "IPHAS": "3", "ILOAN": "000000000001", "QMNUM": "000010000001"}
        | {"EQUNR": PUMP}
        | {"IWERK": "1000", "INGPR": "100", "WARPL": "000000000007", "ILART": "001", "GEWRK": "10000001"}
    ],
    "AFKO": [{"AUFNR": ORDER, "AUFPL": "1000000001", "GSTRP": "20260107", "GLTRP": "20260117"}],
    "AFVC": [
        {"AUFPL": "1000000001", "APLZL": "00000001", "VORNR": "0010", "STEUS": "PM01", "LTXA1": "Open pump"},
        {"AUFPL": "1000000001", "APLZL": "00000002", "VORNR": "0020", "STEUS": "PM01"}
        | {"LTXA1": "Change seal"},
    ],
    "QMEL": [
        {"QMNUM": "000010000001", "QMART": "M2", "QMTXT": "Pump leaks", "PRIOK": "1", "PHASE": "3"}
        | {"AUFNR": ORDER}
        | {"STRMN": "20260105", "LTRMN": "20260107", "QMDAT": "20260104", "QMNAM": "JONES"}
        | {"ERDAT": "20260104"}
        | {"ERNAM": "SMITH", "QMGRP": "PM1", "QMCOD": "1"}
    ],
    "QMIH": [
        {"QMNUM": "000010000001", "EQUNR": PUMP, "ILOAN": "000000000001", "IWERK": "1000"}
        | {"INGRP": "100", "MSAUS": "X"}
        | {"AUSVN": "20260104"}
    ],
    "CDHDR": [],
    "JCDS": [],
}  # fmt: skip
