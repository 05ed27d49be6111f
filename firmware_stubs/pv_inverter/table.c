/* Offsets and types after the definitions of the SunSpec Alliance (models 1, 103, 120, 121, 123, 701, 704). A point that
 * this inverter does not have holds the pattern for "not implemented" of its type, and takes no write. */
#include "table.h"

#include "map.h"

/* "Not implemented": all ones for unsigned, enumerations and bit fields; 0x8000 for int16 and scale factors. */
#define NO_U(address, count) READ_ONLY((address), (count), 0xFFFF)
#define NO_S(address, count) READ_ONLY((address), (count), 0x8000)
/* int32 has it in its high word. */
#define NO_S32(address) READ_ONLY((address), 1, 0x8000), READ_ONLY((address) + 1, 1, 0)
#define SHOWN(address, count) READ_ONLY((address), (count), 0)
#define FIXED(address, value) READ_ONLY((address), 1, (value))
#define POWER_OF_TEN(address, power) READ_ONLY((address), 1, (power))
#define HEAD(address, id, length) FIXED((address), (id)), FIXED((address) + 1, (length))

enum { MOST_S = 65534 }; /* 65535 is "not implemented" and no number of seconds */

const register_row MODEL_ROWS[] = {
    FIXED(SUNS, 0x5375), FIXED(SUNS + 1, 0x6E53),

    HEAD(COMMON, 1, COMMON_LENGTH),
    SHOWN(COMMON + 2, 64), /* text */
    NO_U(COMMON + 66, 1),  /* DA */
    NO_S(COMMON + 67, 1),  /* pad */

    HEAD(INVERTER, 103, INVERTER_LENGTH),
    SHOWN(INVERTER + 2, 4), POWER_OF_TEN(INVERTER + 6, -1),   /* A */
    SHOWN(INVERTER + 7, 6), POWER_OF_TEN(INVERTER + 13, -1),  /* V */
    SHOWN(INVERTER + 14, 2),                                  /* W, W_SF */
    SHOWN(INVERTER + 16, 1), POWER_OF_TEN(INVERTER + 17, -2), /* Hz */
    SHOWN(INVERTER + 18, 4),                                  /* VA, VAr with their powers */
    SHOWN(INVERTER + 22, 1), POWER_OF_TEN(INVERTER + 23, -1), /* PF, % */
    SHOWN(INVERTER + 24, 2), POWER_OF_TEN(INVERTER + 26, 0),  /* WH */
    SHOWN(INVERTER + 27, 1), POWER_OF_TEN(INVERTER + 28, -1), /* DCA */
    SHOWN(INVERTER + 29, 1), POWER_OF_TEN(INVERTER + 30, -1), /* DCV */
    SHOWN(INVERTER + 31, 2),                                  /* DCW, DCW_SF */
    SHOWN(INVERTER + 33, 2), NO_S(INVERTER + 35, 2), POWER_OF_TEN(INVERTER + 37, -1), /* TmpCab, TmpSnk */
    SHOWN(INVERTER + 38, 1), NO_U(INVERTER + 39, 1),          /* St, StVnd */
    SHOWN(INVERTER + 40, 4), NO_U(INVERTER + 44, 8),          /* Evt1, Evt2; vendor's */

    HEAD(NAMEPLATE, 120, NAMEPLATE_LENGTH),
    FIXED(NAMEPLATE + 2, 4),  /* PV */
    SHOWN(NAMEPLATE + 3, 4),  /* WRtg, VARtg with their powers */
    SHOWN(NAMEPLATE + 7, 5),  /* no reactive power */
    SHOWN(NAMEPLATE + 12, 1), POWER_OF_TEN(NAMEPLATE + 13, -1),
    READ_ONLY(NAMEPLATE + 14, 4, 100), POWER_OF_TEN(NAMEPLATE + 18, -2), /* power factor 1 */
    NO_U(NAMEPLATE + 19, 1), NO_S(NAMEPLATE + 20, 1), NO_U(NAMEPLATE + 21, 1), NO_S(NAMEPLATE + 22, 1),
    NO_U(NAMEPLATE + 23, 1), NO_S(NAMEPLATE + 24, 1), NO_U(NAMEPLATE + 25, 1), NO_S(NAMEPLATE + 26, 1),
    NO_S(NAMEPLATE + 27, 1), /* pad */

    HEAD(SETTINGS, 121, SETTINGS_LENGTH),
    TAKES(S_WMAX, 1, MOST_S, 1), /* up to the rating: see orders.c */
    FIXED(SETTINGS + 3, 4000), FIXED(SETTINGS + 4, 0), /* VRef, VRefOfs */
    NO_U(SETTINGS + 5, 3), NO_S(SETTINGS + 8, 4),
    TAKES(S_WGRA, 1, MOST_S, 1000),
    NO_S(SETTINGS + 13, 4), NO_U(SETTINGS + 17, 3),
    FIXED(SETTINGS + 20, 5000), NO_U(SETTINGS + 21, 1), /* ECPNomHz, ConnPh */
    SHOWN(S_WMAX_SF, 1), POWER_OF_TEN(SETTINGS + 23, -1), POWER_OF_TEN(SETTINGS + 24, -1), NO_S(SETTINGS + 25, 3),
    POWER_OF_TEN(SETTINGS + 28, -1), NO_S(SETTINGS + 29, 2), POWER_OF_TEN(SETTINGS + 31, -2),

    HEAD(CONTROLS, 123, CONTROLS_LENGTH),
    TAKES(C_CONN_WIN, 0, MOST_S, 0), TAKES(C_CONN_RVRT, 0, MOST_S, 0), TAKES(C_CONN, 0, 1, 1),
    TAKES(C_LIMIT, 0, 10000, 10000),
    TAKES(C_LIMIT_WIN, 0, MOST_S, 0), TAKES(C_LIMIT_RVRT, 0, MOST_S, 0), TAKES(C_LIMIT_RMP, 0, MOST_S, 0),
    TAKES(C_LIMIT_ENA, 0, 1, 0),
    FIXED(CONTROLS + 10, 100), NO_U(CONTROLS + 11, 3), /* power factor: 1, always */
    TAKES(CONTROLS + 14, 0, 0, 0),
    NO_S(CONTROLS + 15, 3), NO_U(CONTROLS + 18, 4), /* reactive power: none */
    TAKES(CONTROLS + 22, 0, 0, 0),
    POWER_OF_TEN(CONTROLS + 23, -2), POWER_OF_TEN(CONTROLS + 24, -2), NO_S(CONTROLS + 25, 1),

    HEAD(DER_MEASURED, 701, DER_MEASURED_LENGTH),
    FIXED(DER_MEASURED + 2, 2),  /* three phases */
    SHOWN(DER_MEASURED + 3, 24), /* states, alarms, W to Hz, energy */
    NO_U(DER_MEASURED + 27, 8),  /* reactive energy */
    SHOWN(DER_MEASURED + 35, 3), NO_S(DER_MEASURED + 38, 3), /* TmpAmb, TmpCab, TmpSnk */
    SHOWN(DER_MEASURED + 41, 7), NO_U(DER_MEASURED + 48, 16), /* each phase; its energy is not counted */
    SHOWN(DER_MEASURED + 64, 7), NO_U(DER_MEASURED + 71, 16),
    SHOWN(DER_MEASURED + 87, 7), NO_U(DER_MEASURED + 94, 16),
    SHOWN(DER_MEASURED + 110, 3), /* ThrotPct, ThrotSrc */
    POWER_OF_TEN(DER_MEASURED + 113, -1), POWER_OF_TEN(DER_MEASURED + 114, -1), POWER_OF_TEN(DER_MEASURED + 115, -3),
    SHOWN(DER_MEASURED + 116, 1), POWER_OF_TEN(DER_MEASURED + 117, -3), SHOWN(DER_MEASURED + 118, 2),
    POWER_OF_TEN(DER_MEASURED + 120, 0), NO_S(DER_MEASURED + 121, 1), POWER_OF_TEN(DER_MEASURED + 122, -1),
    SHOWN(DER_MEASURED + 123, 32),

    HEAD(DER_CONTROLS, 704, DER_CONTROLS_LENGTH),
    NO_U(DER_CONTROLS + 2, 12), /* power factor */
    TAKES(D_LIMIT_ENA, 0, 1, 0), TAKES(D_LIMIT, 0, 1000, 1000), TAKES(D_LIMIT_AFTER, 0, 1000, 1000),
    TAKES(D_LIMIT_ENA_AFTER, 0, 1, 0), TAKES_ANY(D_LIMIT_RVRT, 2, 0), SHOWN(D_LIMIT_REM, 2),
    TAKES(D_SET_ENA, 0, 1, 0), TAKES(D_SET_MOD, 0, 1, 0),
    TAKES_ANY(D_SET_W, 2, 0), TAKES_ANY(D_SET_W_AFTER, 2, 0),
    TAKES_SIGNED(D_SET_PCT, 0, 1000, 1000), TAKES_SIGNED(D_SET_PCT_AFTER, 0, 1000, 1000),
    TAKES(D_SET_ENA_AFTER, 0, 1, 0), TAKES_ANY(D_SET_RVRT, 2, 0), SHOWN(D_SET_REM, 2),
    NO_U(DER_CONTROLS + 35, 3), NO_S32(DER_CONTROLS + 38), NO_S32(DER_CONTROLS + 40), /* reactive power */
    NO_S(DER_CONTROLS + 42, 2), NO_U(DER_CONTROLS + 44, 9),
    NO_S(DER_CONTROLS + 53, 1), POWER_OF_TEN(DER_CONTROLS + 54, -1), POWER_OF_TEN(DER_CONTROLS + 55, 0),
    POWER_OF_TEN(DER_CONTROLS + 56, -1), NO_S(DER_CONTROLS + 57, 2), NO_U(DER_CONTROLS + 59, 8),

    FIXED(CHAIN_END, 0xFFFF), FIXED(CHAIN_END + 1, 0),

    TAKES(BENCH_IRRADIANCE, 0, 1500, 0),
    TAKES_SIGNED(BENCH_AMBIENT, -400, 600, 0),
    TAKES(BENCH_FREQUENCY, 4000, 6500, 5000),
    TAKES(BENCH_VOLTAGE, 0, 4000, 2300),
    TAKES(BENCH_FAULT, 0, 1, 0),
    TAKES_SIGNED(BENCH_POWER_SF, 0, 4, 0),
    SHOWN(BENCH_SUN_NOW, 2),
};

const size_t MODEL_ROW_COUNT = sizeof MODEL_ROWS / sizeof MODEL_ROWS[0];

void put_text(bank *b, uint16_t address, uint16_t registers, const char *text)
{
    for (uint16_t i = 0; i < registers; i++) {
        const uint16_t high = (uint8_t)*text, low = high ? (uint8_t)text[1] : 0;

        bank_put(b, (uint16_t)(address + i), (uint16_t)(high << 8 | low));
        text += low ? 2 : high ? 1 : 0;
    }
}
