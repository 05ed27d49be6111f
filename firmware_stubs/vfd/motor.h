/* An induction motor with a pump: slip, current and power from the torque, heat from the current. */
#ifndef MOTOR_H
#define MOTOR_H

#include <stdbool.h>

typedef struct {
    double rated_voltage_v, rated_frequency_hz, rated_current_a, rated_speed_rpm, rated_power_kw;
    double thermal_tau_s;
} motor_plate;

typedef struct {
    motor_plate plate;
    double shaft_rpm;        /* signed */
    double torque_share;     /* of rated, of the motor; 0 while it has no current */
    double current_a;
    double power_share;      /* of rated */
    double thermal_percent;  /* 100: the steady state at the thermal current; trips at 118 */
} motor;

void motor_init(motor *m, const motor_plate *plate);

/* dt_s on the inverter at this frequency (Hz, signed), against a load whose torque is load_share of rated at rated
   speed and goes with the square of the speed. thermal_current_a is what the drive is told the motor stands. */
void motor_run(motor *m, double frequency_hz, double load_share, double thermal_current_a, double dt_s);

/* dt_s without current: the pump slows itself down. */
void motor_coast(motor *m, double load_share, double thermal_current_a, double dt_s);

/* Frequency whose field turns with the shaft, Hz. */
double motor_shaft_frequency_hz(const motor *m);

/* Frequency that turns the unloaded shaft at this speed, Hz. */
double motor_frequency_hz(const motor *m, double speed_rpm);

double motor_voltage_v(const motor *m, double frequency_hz);

#endif
