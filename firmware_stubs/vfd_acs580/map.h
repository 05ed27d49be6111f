/* The register map of an ACS580's embedded fieldbus, in part. Addresses are as on the wire: the book's 400001 is 0, and
   parameter gg.ii is 400000 + 100 gg + ii there. */
#ifndef MAP_H
#define MAP_H

enum holding_register {
    HR_CONTROL_WORD = 0,
    HR_REFERENCE = 1,            /* 20000 = rated frequency, signed */
    HR_STATUS_WORD = 3,
    HR_ACTUAL_1 = 4,             /* output frequency, 20000 = rated, signed */
    HR_ACTUAL_2 = 5,             /* motor torque, 20000 = rated, signed */
    HR_TRIPPING_FAULT = 400,     /* 04.01 */
    HR_ACCELERATION = 2871,      /* 28.72, .1 s */
    HR_DECELERATION = 2872,      /* 28.73, .1 s */
    HR_LOSS_ACTION = 5813,       /* 58.14: 0 none, 1 fault */
    HR_LOSS_TIME = 5815          /* 58.16, .1 s */
};

#endif
