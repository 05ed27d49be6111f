#include "pi.h"

double pi_step(pi_loop *loop, double setpoint, double measured, double dt_s)
{
    double error = loop->action * (measured - setpoint);
    double proportional = loop->gain * error;
    double integral = loop->integral_percent + loop->gain * error * dt_s / loop->integral_time_s;
    double output = proportional + integral;

    loop->limited = output > loop->high_percent || output < loop->low_percent;
    if (!loop->limited) {
        loop->integral_percent = integral;
        return output;
    }
    /* Conditional integration: only an error that leads back out of the limit is integrated. */
    if ((output > loop->high_percent) == (error < 0.0))
        loop->integral_percent = integral;
    return output > loop->high_percent ? loop->high_percent : loop->low_percent;
}

void pi_track(pi_loop *loop, double setpoint, double measured, double output_percent)
{
    loop->integral_percent = output_percent - loop->gain * loop->action * (measured - setpoint);
    loop->limited = false;
}
