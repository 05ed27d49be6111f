#include "plc.h"

#include <math.h>

/* A 12-bit input card's usual filter: long enough for mains hum, short beside the loops. */
static const double TEMP_FILTER_S = 0.5;
static const double DP_FILTER_S = 0.2;

/* Supply temperature: 0.1 of the stroke per K and 120 s, the plant's default PI.
   Differential pressure: at 100 % speed 1 % is about 12 kPa (dp ~ n^2, 586 kPa), so the loop's gain is about
   0.5 and it closes with a time constant of Ti (1 + 0.5) / 0.5 = 6 s; slower where the curve is flatter. */
static const double TEMP_GAIN_PERCENT_K = 10.0;
static const double TEMP_INTEGRAL_S = 120.0;
static const double DP_GAIN_PERCENT_KPA = 0.04;
static const double DP_INTEGRAL_S = 2.0;

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

void plc_init(plc *p, const plc_settings *s)
{
    const pi_loop temp_loop = {TEMP_GAIN_PERCENT_K, TEMP_INTEGRAL_S, 1.0,
                               s->valve_min_percent, s->valve_max_percent, 0.0, false};
    const pi_loop dp_loop = {DP_GAIN_PERCENT_KPA, DP_INTEGRAL_S, -1.0,
                             s->pump_min_percent, s->pump_max_percent, 0.0, false};
    const plc_command never_written = {0.0, INFINITY};

    *p = (plc){.settings = *s, .mode = MODE_LOCAL, .running = true, .temp_loop = temp_loop, .dp_loop = dp_loop,
               .valve_command = never_written, .pump_command = never_written,
               .supply_temp_setpoint_degc = 30.0, .dp_setpoint_kpa = 300.0};
    watchdog_init(&p->heartbeat, s->watchdog_s);
    sensor_init(&p->supply_temp_degc, TEMP_FILTER_S);
    sensor_init(&p->return_temp_degc, TEMP_FILTER_S);
    sensor_init(&p->dp_kpa, DP_FILTER_S);
    sensor_init(&p->flow_l_min, DP_FILTER_S);
    /* Without a PLC, valve and drive have gone to their own failsafe: there it finds them. */
    actuator_init(&p->valve, s->failsafe_valve_percent, s->valve_stroke_s);
    actuator_init(&p->pump, s->failsafe_pump_percent, s->pump_ramp_s);
}

static void request_mode(plc *p, bool remote)
{
    if (remote) {
        /* With the key at LOCAL the request is acknowledged and ignored, as real panels do. */
        p->remote_requested = !p->settings.remote_locked;
    } else {
        p->remote_requested = false;
        p->mode = MODE_LOCAL;
    }
}

static void obey_word(plc *p, uint16_t word)
{
    if (word == WORD_START) {
        p->running = true;
    } else if (word == WORD_STOP) {
        p->running = false;
    } else if (word == WORD_FAULT_RESET) {
        p->pump_fault = false;
        p->valve_fault = false;
        actuator_reset_mismatch(&p->valve);
    }
}

void plc_write(plc *p, uint16_t address, uint16_t raw)
{
    const double as_signed = (double)(int16_t)raw;

    switch (address) {
    case HR_MODE_COMMAND: request_mode(p, raw == 1); break;
    case HR_VALVE_COMMAND: p->valve_command = (plc_command){0.01 * raw, 0.0}; break;
    case HR_PUMP_COMMAND: p->pump_command = (plc_command){0.01 * raw, 0.0}; break;
    case HR_HEARTBEAT: watchdog_beat(&p->heartbeat, raw); break;
    case HR_START_COMMAND: obey_word(p, raw); break;
    case HR_SUPPLY_TEMP_SETPOINT: p->supply_temp_setpoint_degc = 0.1 * as_signed; break;
    case HR_DP_SETPOINT: p->dp_setpoint_kpa = as_signed; break;
    case HR_BENCH_SUPPLY_TEMP: sensor_write(&p->supply_temp_degc, 0.01 * as_signed); break;
    case HR_BENCH_RETURN_TEMP: sensor_write(&p->return_temp_degc, 0.01 * as_signed); break;
    case HR_BENCH_DP: sensor_write(&p->dp_kpa, 0.1 * as_signed); break;
    case HR_BENCH_FLOW: sensor_write(&p->flow_l_min, 0.1 * raw); break;
    case HR_BENCH_LEAK: p->leak = raw != 0; break;
    case HR_BENCH_VALVE_STUCK: p->valve_stuck = raw != 0; break;
    case HR_BENCH_PUMP_TRIP: p->pump_tripped = raw != 0; break;
    default: break; /* the register table has refused everything else */
    }
}

static void tick_inputs(plc *p, double dt_s)
{
    const double max_age_s = p->settings.watchdog_s;

    sensor_tick(&p->supply_temp_degc, dt_s, max_age_s);
    sensor_tick(&p->return_temp_degc, dt_s, max_age_s);
    sensor_tick(&p->dp_kpa, dt_s, max_age_s);
    sensor_tick(&p->flow_l_min, dt_s, max_age_s);
    watchdog_tick(&p->heartbeat, dt_s);
    p->valve_command.age_s += dt_s;
    p->pump_command.age_s += dt_s;
}

/* REMOTE is left when the heartbeat stops, and entered on a written request, with a live heartbeat and with
   both commands written lately: so never on commands from before the break. */
static void tick_mode(plc *p)
{
    const double fresh_s = p->settings.watchdog_s;
    const bool alive = watchdog_alive(&p->heartbeat);

    if (p->mode == MODE_REMOTE && !alive) {
        p->mode = MODE_FAILSAFE;
        p->remote_requested = false;
        p->valve_command.age_s = INFINITY;
        p->pump_command.age_s = INFINITY;
    }
    if (p->mode != MODE_REMOTE && p->remote_requested && alive && p->valve_command.age_s <= fresh_s &&
        p->pump_command.age_s <= fresh_s)
        p->mode = MODE_REMOTE;
}

static bool sensor_fault(const plc *p)
{
    return !p->supply_temp_degc.valid || !p->dp_kpa.valid;
}

typedef struct {
    double valve_percent, pump_percent;
} demand;

static demand remote_demand(plc *p)
{
    const plc_settings *s = &p->settings;
    const demand d = {clamp(p->valve_command.percent, s->valve_min_percent, s->valve_max_percent),
                      clamp(p->pump_command.percent, s->pump_min_percent, s->pump_max_percent)};

    p->limit_active = d.valve_percent != p->valve_command.percent || d.pump_percent != p->pump_command.percent;
    return d;
}

static demand local_demand(plc *p, double dt_s)
{
    const demand d = {
        pi_step(&p->temp_loop, p->supply_temp_setpoint_degc, p->supply_temp_degc.filtered,
                p->valve.position_percent, dt_s),
        pi_step(&p->dp_loop, p->dp_setpoint_kpa, p->dp_kpa.filtered, p->pump.position_percent, dt_s)};

    p->limit_active = p->temp_loop.limited || p->dp_loop.limited;
    return d;
}

/* A loop that does not drive its actuator follows it, so that it can take over without a bump. The first step
   in charge follows too: the measured value may have come back in this very tick. */
static void track_loops(plc *p, bool local)
{
    const bool in_charge = local && p->loops_in_charge;

    p->loops_in_charge = local;
    if (!in_charge)
        pi_track(&p->temp_loop, p->supply_temp_setpoint_degc, p->supply_temp_degc.filtered,
                 p->valve.position_percent);
    if (!in_charge || p->pump_fault)
        pi_track(&p->dp_loop, p->dp_setpoint_kpa, p->dp_kpa.filtered, p->pump.position_percent);
}

static demand choose_demand(plc *p, double dt_s)
{
    const demand failsafe = {p->settings.failsafe_valve_percent, p->settings.failsafe_pump_percent};
    const demand stopped = {0.0, 0.0};
    const bool local = p->running && p->mode == MODE_LOCAL && !sensor_fault(p);

    p->limit_active = false;
    track_loops(p, local);
    if (!p->running)
        return stopped; /* a deliberate stop outranks the failsafe */
    if (p->mode == MODE_REMOTE)
        return remote_demand(p);
    return local ? local_demand(p, dt_s) : failsafe;
}

static void move_actuators(plc *p, demand d, double dt_s)
{
    if (p->pump_tripped)
        p->pump_fault = true;
    actuator_move(&p->valve, d.valve_percent, dt_s, p->valve_stuck);
    if (p->pump_fault)
        actuator_coast(&p->pump, dt_s);
    else
        actuator_move(&p->pump, d.pump_percent, dt_s, false);
    if (actuator_mismatch(&p->valve))
        p->valve_fault = true;
}

void plc_tick(plc *p, double dt_s)
{
    tick_inputs(p, dt_s);
    tick_mode(p);
    move_actuators(p, choose_demand(p, dt_s), dt_s);
}

static uint16_t status_word(const plc *p)
{
    return (uint16_t)(p->running << STATUS_RUNNING | (p->mode == MODE_REMOTE) << STATUS_REMOTE |
                      (p->mode == MODE_FAILSAFE) << STATUS_FAILSAFE | p->leak << STATUS_LEAK |
                      p->pump_fault << STATUS_PUMP_FAULT | p->valve_fault << STATUS_VALVE_FAULT |
                      p->limit_active << STATUS_LIMIT_ACTIVE | sensor_fault(p) << STATUS_SENSOR_FAULT |
                      p->settings.remote_locked << STATUS_REMOTE_LOCKED |
                      watchdog_alive(&p->heartbeat) << STATUS_HEARTBEAT_ALIVE);
}

static uint16_t mode_word(const plc *p)
{
    return (uint16_t)((p->mode == MODE_REMOTE) << MODE_BIT_REMOTE | (p->mode == MODE_FAILSAFE) << MODE_BIT_FAILSAFE |
                      p->settings.remote_locked << MODE_BIT_REMOTE_LOCKED |
                      watchdog_alive(&p->heartbeat) << MODE_BIT_HEARTBEAT_ALIVE);
}

/* A broken wire shows as the far end of the type: no honest reading comes near it. */
static uint16_t counts_int16(const sensor *s, double unit_per_count)
{
    return (uint16_t)(s->valid ? sensor_counts(s, unit_per_count, -32767, 32767) : -32768L);
}

static uint16_t counts_uint16(const sensor *s, double unit_per_count)
{
    return (uint16_t)(s->valid ? sensor_counts(s, unit_per_count, 0, 65534) : 65535L);
}

static uint16_t counts_percent(const actuator *a)
{
    return (uint16_t)floor(a->position_percent / 0.01 + 0.5);
}

void plc_publish(const plc *p, uint16_t *input_registers, uint8_t *discrete_inputs)
{
    input_registers[IR_STATUS_WORD] = status_word(p);
    input_registers[IR_TCS_SUPPLY_TEMP] = counts_int16(&p->supply_temp_degc, 0.1);
    input_registers[IR_TCS_RETURN_TEMP] = counts_int16(&p->return_temp_degc, 0.1);
    input_registers[IR_RACK_DP] = counts_int16(&p->dp_kpa, 1.0);
    input_registers[IR_TCS_FLOW] = counts_uint16(&p->flow_l_min, 0.1);
    input_registers[IR_VALVE_POSITION] = counts_percent(&p->valve);
    input_registers[IR_PUMP_SPEED] = counts_percent(&p->pump);
    input_registers[IR_HEARTBEAT_ECHO] = p->heartbeat.last;
    input_registers[IR_MODE_WORD] = mode_word(p);
    discrete_inputs[DI_NO_LEAK] = p->leak ? 0 : 1;
}
