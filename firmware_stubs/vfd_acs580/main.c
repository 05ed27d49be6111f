/* A variable speed drive with a pump as an ACS580 has it on its embedded fieldbus: the drive of ../vfd behind map.h. */
#include "abb_drives.h"
#include "bench.h"
#include "device.h"
#include "map.h"

static const double FULL = 20000.0; /* counts of a reference or an actual value at 100 % */

static const setting OPTIONS[] = {
    MOTOR_OPTIONS,
    {"--timeout-s", " s", "communication loss time at power-up (parameter 58.16)", 0.1, 600, 3, false, NULL},
};

static const register_row HOLDING[] = {
    TAKES_ANY(HR_CONTROL_WORD, 1, 0),
    TAKES_SIGNED(HR_REFERENCE, -32768, 32767, 0),
    READ_ONLY(HR_STATUS_WORD, 3, 0), /* with the two actual values */
    READ_ONLY(HR_TRIPPING_FAULT, 1, 0),
    TAKES(HR_ACCELERATION, 0, 18000, 200),
    TAKES(HR_DECELERATION, 0, 18000, 200),
    TAKES(HR_LOSS_ACTION, 0, 1, 1),
    TAKES(HR_LOSS_TIME, 0, 60000, 30),
    BENCH_REGISTERS(65535),
};

static void take_orders(drive *d, const bank *b)
{
    drive_orders *o = &d->orders;

    o->command = bank_word(b, HR_CONTROL_WORD);
    o->halt = !(o->command & ABB_RAMP_INPUT);
    o->reference_hz = bank_signed(b, HR_REFERENCE) / FULL * d->motor.plate.rated_frequency_hz;
    o->acceleration_s = 0.1 * bank_word(b, HR_ACCELERATION);
    o->deceleration_s = 0.1 * bank_word(b, HR_DECELERATION);
    o->timeout_s = 0.1 * bank_word(b, HR_LOSS_TIME);
    o->timeout_action = bank_word(b, HR_LOSS_ACTION) ? TIMEOUT_FREEWHEEL : TIMEOUT_IGNORE;
    bench_take(o, b);
}

static void init(void *state, bank *b, const settings *s)
{
    const motor_plate plate = bench_plate(s);
    drive *d = state;

    drive_init(d, &ABB_DRIVES, &plate);
    d->orders.high_speed_hz = plate.rated_frequency_hz;
    d->orders.thermal_current_a = plate.rated_current_a;
    bank_put(b, HR_LOSS_TIME, counts_u16(settings_get(s, "--timeout-s"), 0.1));
    bench_init(b, s);
    take_orders(d, b);
}

static void written(void *state, bank *b, uint16_t first, uint16_t count)
{
    drive *d = state;

    take_orders(d, b);
    /* 58.15 as it is set by default: a control word or a reference feeds the watch, and no other message does. */
    if (bench_covers(first, count, HR_CONTROL_WORD) || bench_covers(first, count, HR_REFERENCE)) {
        drive_commanded(d);
        drive_heard(d);
    }
}

static void step(void *state, double dt_s)
{
    drive_step(state, dt_s);
}

static void publish(const void *state, bank *b)
{
    const drive *d = state;
    const double share = d->output_hz / d->motor.plate.rated_frequency_hz;

    bank_put(b, HR_STATUS_WORD, drive_status_word(d));
    bank_put(b, HR_ACTUAL_1, counts_s16(share, 1.0 / FULL));
    bank_put(b, HR_ACTUAL_2, counts_s16(d->motor.torque_share, 1.0 / FULL));
    bank_put(b, HR_TRIPPING_FAULT, d->fault_now);
    bench_publish(d, b);
}

static const device_class ACS580 = {
    .name = "vfd_acs580",
    .what = "a variable speed drive with a pump, ABB Drives profile, on Modbus",
    .map = {HOLDING, sizeof HOLDING / sizeof HOLDING[0], 0, 0},
    .settings = OPTIONS,
    .setting_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .state_size = sizeof(drive),
    .init = init,
    .written = written,
    .step = step,
    .publish = publish,
};

int main(int argc, char **argv)
{
    return stub_main(&ACS580, argc, argv);
}
