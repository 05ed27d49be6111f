/* A PI loop in percent of an actuator, with output limits. */
#ifndef PI_H
#define PI_H

#include <stdbool.h>

typedef struct {
    double gain;      /* percent per unit of the error */
    double integral_time_s;
    double action;    /* +1 direct: output rises with the measured value; -1 reverse */
    double low_percent, high_percent;
    double integral_percent;
    bool limited;     /* the last output was held at a limit */
} pi_loop;

/* The output, %, for this step. At a limit the integral stops growing into it. */
double pi_step(pi_loop *loop, double setpoint, double measured, double dt_s);

/* Sets the integral so that the next output continues from output_percent. */
void pi_track(pi_loop *loop, double setpoint, double measured, double output_percent);

#endif
