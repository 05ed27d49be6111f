#include "motor.h"

#include <math.h>

/* Magnetising current of a four-pole motor of some kW, as a share of rated current. */
static const double MAGNETISING_SHARE = 0.4;
/* Shaft behind field: the rotor's electromechanical lag. */
static const double ROTOR_S = 0.1;
/* A pump and its motor coast: d n/dt = -n |n| / (n_rated T) from rated load, plus bearings that bring it to rest. */
static const double COAST_S = 2.0;
static const double BEARINGS_RPM_S = 20.0;

void motor_init(motor *m, const motor_plate *plate)
{
    *m = (motor){.plate = *plate};
}

/* Speed of the field at rated frequency: the next one above rated speed that a whole number of pole pairs gives. */
static double synchronous_rpm(const motor *m)
{
    const double pole_pairs = floor(60.0 * m->plate.rated_frequency_hz / m->plate.rated_speed_rpm);

    return 60.0 * m->plate.rated_frequency_hz / fmax(pole_pairs, 1.0);
}

double motor_frequency_hz(const motor *m, double speed_rpm)
{
    return speed_rpm / synchronous_rpm(m) * m->plate.rated_frequency_hz;
}

double motor_shaft_frequency_hz(const motor *m)
{
    return motor_frequency_hz(m, m->shaft_rpm);
}

/* Flux is constant below rated frequency: torque current goes with the torque, beside the magnetising current. */
static double current_for(const motor *m, double torque_share)
{
    const double magnetising2 = MAGNETISING_SHARE * MAGNETISING_SHARE;

    return m->plate.rated_current_a * sqrt(magnetising2 + (1.0 - magnetising2) * torque_share * torque_share);
}

/* First-order thermal image (IEC 60255-149): heat goes with the square of the current. */
static void heat(motor *m, double thermal_current_a, double dt_s)
{
    const double ratio = m->current_a / thermal_current_a;

    m->thermal_percent += (1.0 - exp(-dt_s / m->plate.thermal_tau_s)) * (100.0 * ratio * ratio - m->thermal_percent);
}

void motor_run(motor *m, double frequency_hz, double load_share, double thermal_current_a, double dt_s)
{
    const double field_rpm = frequency_hz / m->plate.rated_frequency_hz * synchronous_rpm(m);
    const double speed_share = m->shaft_rpm / m->plate.rated_speed_rpm;
    const double rated_slip_rpm = synchronous_rpm(m) - m->plate.rated_speed_rpm;
    double settled_rpm;

    m->torque_share = load_share * speed_share * fabs(speed_share);
    settled_rpm = field_rpm - rated_slip_rpm * m->torque_share;
    m->shaft_rpm += (1.0 - exp(-dt_s / ROTOR_S)) * (settled_rpm - m->shaft_rpm);
    m->current_a = current_for(m, m->torque_share);
    m->power_share = fabs(m->torque_share * speed_share);
    heat(m, thermal_current_a, dt_s);
}

void motor_coast(motor *m, double load_share, double thermal_current_a, double dt_s)
{
    const double n = fabs(m->shaft_rpm);
    const double slower = n - dt_s * (load_share * n * n / (m->plate.rated_speed_rpm * COAST_S) + BEARINGS_RPM_S);

    m->shaft_rpm = copysign(fmax(slower, 0.0), m->shaft_rpm);
    m->torque_share = 0.0;
    m->current_a = 0.0;
    m->power_share = 0.0;
    heat(m, thermal_current_a, dt_s);
}

double motor_voltage_v(const motor *m, double frequency_hz)
{
    return m->plate.rated_voltage_v * fmin(fabs(frequency_hz) / m->plate.rated_frequency_hz, 1.0);
}
