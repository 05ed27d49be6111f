/* The register map of an FC 102, in part. Addresses are as on the wire: the book's number less one, and parameter n-nn
   has number 10 x nnn. 32 bits: high word first. */
#ifndef MAP_H
#define MAP_H

enum holding_register {
    HR_RAMP_UP = 3409,           /* 3-41, .01 s, 32 bits */
    HR_RAMP_DOWN = 3419,         /* 3-42, .01 s, 32 bits */
    HR_TIMEOUT = 8029,           /* 8-03, .1 s, 32 bits */
    HR_TIMEOUT_ACTION = 8039,    /* 8-04: 0 off, 2 stop, 5 stop and trip */
    HR_LAST_ALARM = 15299,       /* 15-30 */
    HR_FREQUENCY = 16129,        /* 16-13, .1 Hz */
    HR_CURRENT = 16139,          /* 16-14, .01 A, 32 bits */
    HR_ALARM_WORD = 16899,       /* 16-90, 32 bits */
    HR_CONTROL_WORD = 49999,     /* CTW */
    HR_REFERENCE = 50009,        /* REF, 16384 = rated frequency, signed */
    HR_STATUS_WORD = 50199,      /* STW */
    HR_ACTUAL = 50209            /* MAV, 16384 = rated frequency, signed */
};

#endif
