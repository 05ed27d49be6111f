/* The register map of an energy valve. Addresses are zero-based, as on the wire: the book's number less one. */
#ifndef MAP_H
#define MAP_H

enum holding_register {
    HR_SETPOINT = 0,          /* .01 %, between minimum and maximum */
    HR_OVERRIDE = 1,
    HR_COMMAND = 2,           /* falls back to 0 once taken */
    HR_TYPE = 3,
    HR_POSITION = 4,          /* .01 %, of the gear */
    HR_ANGLE = 5,             /* degrees */
    HR_RELATIVE_FLOW = 6,     /* .01 % of the nominal flow */
    HR_ABSOLUTE_FLOW = 7,     /* L/min */
    HR_FLOW = 10,             /* u32, .001 of the selected unit, low word first */
    HR_SERIAL_NUMBER = 100,   /* three words */
    HR_FIRMWARE = 103,
    HR_FAULT = 104,           /* fault_bit */
    HR_MINIMUM = 105,         /* .01 % */
    HR_MAXIMUM = 106,         /* .01 % */
    HR_FAIL_POSITION = 108,   /* fail_position */
    HR_NOMINAL_FLOW = 112,    /* u32, .001 of the selected unit, low word first */
    HR_CONTROL_MODE = 116,    /* 0 position, 1 flow */
    HR_FLOW_UNIT = 117,       /* flow_unit */
    HR_SETPOINT_SOURCE = 118, /* 0 analogue: set-points of the bus are stored and not followed; 1 bus */
    HR_BENCH_DP = 61000,      /* .1 kPa over valve and branch */
    HR_BENCH_STUCK = 61001,   /* 1 = the motor does not move */
    HR_BENCH_BLOCKED = 61002, /* .01 % of the free area lost to dirt */
    HR_BENCH_ANALOGUE = 61003 /* .01 %, the signal at the terminal */
};

enum override_word { OVERRIDE_NONE, OVERRIDE_OPEN, OVERRIDE_CLOSE, OVERRIDE_MINIMUM, OVERRIDE_MIDDLE, OVERRIDE_MAXIMUM };
enum command_word { COMMAND_NONE, COMMAND_ADAPT, COMMAND_TEST, COMMAND_SYNCHRONISE, COMMAND_RESET };
enum fail_position { FAIL_LAST, FAIL_CLOSE, FAIL_OPEN, FAIL_MIDDLE };
enum flow_unit { UNIT_M3_S, UNIT_M3_H, UNIT_L_S, UNIT_L_MIN, UNIT_L_H, UNIT_GPM, UNIT_CFM, FLOW_UNITS };

/* Bits of the fault register. */
enum fault_bit { FAULT_CANNOT_MOVE = 2, FAULT_INTERNAL_ACTIVITY = 8, FAULT_WATCHDOG = 10 };

#endif
