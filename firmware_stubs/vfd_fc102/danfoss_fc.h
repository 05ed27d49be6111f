/* The FC profile (VLT FC 102 design guide, "Control Word According to FC Profile"). */
#ifndef DANFOSS_FC_H
#define DANFOSS_FC_H

#include "machine.h"

enum { FC_REVERSE = 0x8000 };

/* Alarms by the number in the book. */
enum { ALARM_MOTOR_ETR = 10, ALARM_OVER_CURRENT = 13, ALARM_EARTH_FAULT = 14, ALARM_CONTROL_WORD = 17 };

/* A start bit that stands starts it whenever nothing else holds it: it wants no edge. */
extern const profile DANFOSS_FC;

#endif
