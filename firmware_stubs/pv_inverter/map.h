/* SunSpec: the chain of models, and what of each is used by name. All holding registers, zero-based. */
#ifndef MAP_H
#define MAP_H

/* Where each model begins (its ID), and its length L, which does not count ID and L. */
enum {
    SUNS = 40000,
    COMMON = SUNS + 2,
    COMMON_LENGTH = 66,
    INVERTER = COMMON + 2 + COMMON_LENGTH,
    INVERTER_LENGTH = 50,
    NAMEPLATE = INVERTER + 2 + INVERTER_LENGTH,
    NAMEPLATE_LENGTH = 26,
    SETTINGS = NAMEPLATE + 2 + NAMEPLATE_LENGTH,
    SETTINGS_LENGTH = 30,
    CONTROLS = SETTINGS + 2 + SETTINGS_LENGTH,
    CONTROLS_LENGTH = 24,
    DER_MEASURED = CONTROLS + 2 + CONTROLS_LENGTH,
    DER_MEASURED_LENGTH = 153,
    DER_CONTROLS = DER_MEASURED + 2 + DER_MEASURED_LENGTH,
    DER_CONTROLS_LENGTH = 65,
    CHAIN_END = DER_CONTROLS + 2 + DER_CONTROLS_LENGTH,
};

/* Model 120, nameplate. */
enum { N_WRTG = NAMEPLATE + 3, N_WRTG_SF = NAMEPLATE + 4, N_VARTG = NAMEPLATE + 5, N_VARTG_SF = NAMEPLATE + 6 };
enum { N_ARTG = NAMEPLATE + 12 };

/* Model 121, settings. */
enum { S_WMAX = SETTINGS + 2, S_WGRA = SETTINGS + 12, S_WMAX_SF = SETTINGS + 22 };

/* Model 123, controls. */
enum {
    C_CONN_WIN = CONTROLS + 2,
    C_CONN_RVRT = CONTROLS + 3,
    C_CONN = CONTROLS + 4,
    C_LIMIT = CONTROLS + 5, /* WMaxLimPct */
    C_LIMIT_WIN = CONTROLS + 6,
    C_LIMIT_RVRT = CONTROLS + 7,
    C_LIMIT_RMP = CONTROLS + 8,
    C_LIMIT_ENA = CONTROLS + 9,
};

/* Model 704, controls of the IEEE 1547-2018 models. */
enum {
    D_LIMIT_ENA = DER_CONTROLS + 14, /* WMaxLimPctEna */
    D_LIMIT = DER_CONTROLS + 15,
    D_LIMIT_AFTER = DER_CONTROLS + 16, /* WMaxLimPctRvrt */
    D_LIMIT_ENA_AFTER = DER_CONTROLS + 17,
    D_LIMIT_RVRT = DER_CONTROLS + 18, /* two registers, as the next */
    D_LIMIT_REM = DER_CONTROLS + 20,
    D_SET_ENA = DER_CONTROLS + 22, /* WSetEna */
    D_SET_MOD = DER_CONTROLS + 23, /* 0: percent, 1: watts */
    D_SET_W = DER_CONTROLS + 24,   /* two registers, as the next */
    D_SET_W_AFTER = DER_CONTROLS + 26,
    D_SET_PCT = DER_CONTROLS + 28,
    D_SET_PCT_AFTER = DER_CONTROLS + 29,
    D_SET_ENA_AFTER = DER_CONTROLS + 30,
    D_SET_RVRT = DER_CONTROLS + 31, /* two registers, as the next */
    D_SET_REM = DER_CONTROLS + 33,
};

/* The bench: sun, grid and trouble. */
enum {
    BENCH_IRRADIANCE = 61000, /* W/m2; with --day-s at noon under a clear sky */
    BENCH_AMBIENT = 61001,    /* .1 degC, signed */
    BENCH_FREQUENCY = 61002,  /* .01 Hz */
    BENCH_VOLTAGE = 61003,    /* .1 V, phase to neutral */
    BENCH_FAULT = 61004,      /* 1: earth fault */
    BENCH_POWER_SF = 61005,   /* power of ten of all powers */
    BENCH_SUN_NOW = 61006,    /* read only: .1 W/m2 */
    BENCH_AVAILABLE = 61007,  /* read only: AC power that the sun gives, .01 % of rated */
};

#define PERCENT_123 0.01 /* WMaxLimPct_SF of 123 is -2 */
#define PERCENT_704 0.1  /* WMaxLimPct_SF and WSetPct_SF of 704 are -1 */
#define GRADIENT 0.1     /* WGra_SF is -1 */
#define NOMINAL_VOLTAGE_V 230.0

#endif
