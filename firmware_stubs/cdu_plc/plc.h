/* The control program of the CDU: modes, loops, actuators and alarms. Knows nothing of sockets or clocks. */
#ifndef PLC_H
#define PLC_H

#include <stdbool.h>
#include <stdint.h>

#include "actuator.h"
#include "map.h"
#include "pi.h"
#include "sensor.h"
#include "watchdog.h"

/* What the machine is set up for; never changes while it runs. */
typedef struct {
    double watchdog_s;
    double failsafe_valve_percent, failsafe_pump_percent;
    double valve_stroke_s, pump_ramp_s; /* 0 to 100 % */
    double valve_min_percent, valve_max_percent;
    double pump_min_percent, pump_max_percent;
    bool remote_locked; /* the key on the panel stands at LOCAL */
} plc_settings;

typedef enum { MODE_LOCAL, MODE_REMOTE, MODE_FAILSAFE } plc_mode;

/* A command register: its value and the time since it was last written. */
typedef struct {
    double percent;
    double age_s;
} plc_command;

typedef struct {
    plc_settings settings;
    plc_mode mode;
    bool remote_requested;
    bool running, pump_fault, valve_fault, limit_active;
    watchdog heartbeat;
    plc_command valve_command, pump_command;
    double supply_temp_setpoint_degc, dp_setpoint_kpa;
    sensor supply_temp_degc, return_temp_degc, dp_kpa, flow_l_min;
    bool leak, valve_stuck, pump_tripped; /* bench */
    pi_loop temp_loop, dp_loop;
    bool loops_in_charge;
    actuator valve, pump;
} plc;

void plc_init(plc *p, const plc_settings *settings);

/* One holding register was written; the value has passed the register table. */
void plc_write(plc *p, uint16_t address, uint16_t raw);

/* Advances the program and its actuators by dt_s. */
void plc_tick(plc *p, double dt_s);

/* Fills the input registers (IR_COUNT) and discrete inputs (DI_COUNT). */
void plc_publish(const plc *p, uint16_t *input_registers, uint8_t *discrete_inputs);

#endif
