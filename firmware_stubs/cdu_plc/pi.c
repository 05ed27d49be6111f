#include "pi.h"

/* An actuator further behind than this is at its rate limit: integrating on would only wind up. */
static const double ON_ITS_WAY_PERCENT = 2.0;

double pi_step(pi_loop *loop, double setpoint, double measured, double position_percent, double dt_s)
{
    const double error = loop->action * (measured - setpoint);
    const double integral = loop->integral_percent + loop->gain * error * dt_s / loop->integral_time_s;
    const double output = loop->gain * error + integral;
    const bool above = output > loop->high_percent, below = output < loop->low_percent;
    const bool behind = output > position_percent + ON_ITS_WAY_PERCENT;
    const bool ahead = output < position_percent - ON_ITS_WAY_PERCENT;

    loop->limited = above || below;
    /* Conditional integration: while held, only an error that leads back is integrated. */
    if (!(error > 0.0 && (above || behind)) && !(error < 0.0 && (below || ahead)))
        loop->integral_percent = integral;
    return above ? loop->high_percent : below ? loop->low_percent : output;
}

void pi_track(pi_loop *loop, double setpoint, double measured, double output_percent)
{
    loop->integral_percent = output_percent - loop->gain * loop->action * (measured - setpoint);
    loop->limited = false;
}
