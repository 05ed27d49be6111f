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

/* The output, %, for this step. The integral does not grow into a limit, nor while the actuator at
   position_percent is still on its way to the output. */
double pi_step(pi_loop *loop, double setpoint, double measured, double position_percent, double dt_s);

/* Sets the integral so that the next output continues from output_percent. */
void pi_track(pi_loop *loop, double setpoint, double measured, double output_percent);

#endif
