/* The register map of an Altivar drive, in part. Addresses are as in the book, which counts from zero. */
#ifndef MAP_H
#define MAP_H

enum holding_register {
    HR_RATED_VOLTAGE = 9601,     /* 1 V */
    HR_RATED_FREQUENCY = 9602,   /* .1 Hz */
    HR_RATED_CURRENT = 9603,     /* .1 A */
    HR_RATED_SPEED = 9604,       /* 1 rpm */
    HR_RATED_POWER = 9613,       /* .1 kW */
    HR_THERMAL_CURRENT = 9622,   /* .1 A */
    HR_MOTOR_THERMAL = 9630,     /* 1 % */
    HR_SWITCHING_FREQUENCY = 3102, /* .1 kHz */
    HR_MAXIMUM_FREQUENCY = 3103, /* .1 Hz */
    HR_HIGH_SPEED = 3104,        /* .1 Hz */
    HR_LOW_SPEED = 3105,         /* .1 Hz */
    HR_STATUS_WORD = 3201,       /* ETA, CiA 402 */
    HR_OUTPUT_FREQUENCY = 3202,  /* RFR, .1 Hz, signed */
    HR_RAMP_INPUT = 3203,        /* FRH, .1 Hz, signed: the reference before the ramp */
    HR_CURRENT = 3204,           /* LCR, .1 A */
    HR_TORQUE = 3205,            /* OTR, .1 %, signed */
    HR_MAINS_VOLTAGE = 3207,     /* ULN, .1 V */
    HR_MOTOR_VOLTAGE = 3208,     /* UOP, 1 V */
    HR_POWER = 3211,             /* OPR, 1 % of the rated power */
    HR_TIMEOUT = 6005,           /* TTO, .1 s */
    HR_TIMEOUT_ACTION = 7010,    /* SLL, timeout_action */
    HR_FAULTS = 7121,            /* LFT, the last fault; behind it the six before */
    HR_COMMAND = 8501,           /* CMD, CiA 402 */
    HR_REFERENCE = 8502,         /* LFR, .1 Hz, signed */
    HR_SPEED_REFERENCE = 8602,   /* LFRD, 1 rpm, signed; the last one written of both counts */
    HR_SPEED = 8604,             /* RFRD, 1 rpm, signed: of the shaft, with slip */
    HR_FAULT_NOW = 8606,         /* 0 while there is none */
    HR_ACCELERATION = 9001,      /* .1 s from 0 to rated frequency */
    HR_DECELERATION = 9002       /* .1 s */
};

#endif
