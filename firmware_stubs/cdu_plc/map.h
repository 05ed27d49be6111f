/* The register map, as configs/points/cdu_plc.csv has it. Addresses are zero-based, as on the wire. */
#ifndef MAP_H
#define MAP_H

/* Input registers (function 04). */
enum input_register {
    IR_STATUS_WORD = 0,
    IR_TCS_SUPPLY_TEMP = 1,   /* int16, .1 degC */
    IR_TCS_RETURN_TEMP = 2,   /* int16, .1 degC */
    IR_RACK_DP = 3,           /* int16, .01 bar */
    IR_TCS_FLOW = 4,          /* uint16, .1 L/min */
    IR_VALVE_POSITION = 5,    /* uint16, .01 % */
    IR_PUMP_SPEED = 6,        /* uint16, .01 % */
    IR_HEARTBEAT_ECHO = 7,
    IR_MODE_WORD = 8,
    IR_COUNT = 9
};

/* Discrete inputs (function 02). */
enum discrete_input {
    DI_NO_LEAK = 0, /* inverted: 0 = leak */
    DI_COUNT = 1
};

/* Holding registers (functions 03, 06, 16). */
enum holding_register {
    HR_MODE_COMMAND = 100,  /* 0 LOCAL, 1 REMOTE */
    HR_VALVE_COMMAND = 101, /* .01 % */
    HR_PUMP_COMMAND = 102,  /* .01 % */
    HR_HEARTBEAT = 103,
    HR_START_COMMAND = 110,      /* magic word */
    HR_SUPPLY_TEMP_SETPOINT = 120, /* int16, .1 degC */
    HR_DP_SETPOINT = 121,          /* int16, .01 bar */
    HR_BENCH_SUPPLY_TEMP = 200,    /* int16, .01 degC */
    HR_BENCH_RETURN_TEMP = 201,    /* int16, .01 degC */
    HR_BENCH_DP = 202,             /* int16, .1 kPa */
    HR_BENCH_FLOW = 203,           /* uint16, .1 L/min */
    HR_BENCH_LEAK = 204,           /* 1 = leak */
    HR_BENCH_VALVE_STUCK = 205,
    HR_BENCH_PUMP_TRIP = 206
};

enum magic_word { WORD_NONE = 0, WORD_START = 2321, WORD_STOP = 2322, WORD_FAULT_RESET = 2323 };

/* Bits of the status word. */
enum status_bit {
    STATUS_RUNNING = 0,
    STATUS_REMOTE = 1,
    STATUS_FAILSAFE = 2,       /* the heartbeat watchdog has tripped; latched */
    STATUS_LEAK = 3,           /* as the terminal reads it, not inverted */
    STATUS_PUMP_FAULT = 4,     /* latched until fault reset */
    STATUS_VALVE_FAULT = 5,    /* valve more than 10 % from where it should be; latched until fault reset */
    STATUS_LIMIT_ACTIVE = 6,   /* a command or a loop's output is held at a limit */
    STATUS_SENSOR_FAULT = 7,   /* supply temperature or differential pressure not measured */
    STATUS_REMOTE_LOCKED = 8,  /* the key on the panel stands at LOCAL */
    STATUS_HEARTBEAT_ALIVE = 9
};

/* Bits of the mode word: the status word's bits 1, 2, 8 and 9 by themselves. A point list may not give one
   register two meanings, so a master that logs the status word whole takes its switches from here. */
enum mode_bit { MODE_BIT_REMOTE = 0, MODE_BIT_FAILSAFE = 1, MODE_BIT_REMOTE_LOCKED = 2, MODE_BIT_HEARTBEAT_ALIVE = 3 };

#endif
