/* The floor for one cycle over Modbus TCP: the same I/O, control and limits as the Python cycle, on libmodbus.

   usage: cycle PORT RATE_HZ CYCLES apart|joined

   A cycle: wake at an absolute deadline, read 32 registers, two PI steps, limits on 8 outputs, write 8 registers,
   then the heartbeat one register further on (apart), or in one request with it directly behind them (joined). Blocking. Prints
   one line of JSON: the time from waking to the last acknowledgement, and how late the wake-up was, both us. */
#include <errno.h>
#include <modbus.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { READ_COUNT = 32, OUTPUTS = 8, COMMANDS = 32, MEASURED = 1, LOOPS = 2, WARM_UP = 50 };

#define SCALE 0.1     /* engineering unit a count, of every register */
#define RATE_PER_S 50.0
#define NS_PER_S 1000000000LL

typedef struct {
    double gain, integral_time_s, setpoint, integral, output, error;
} pi_loop;

typedef struct {
    double low, high, rate_per_s, applied;
} limiter;

typedef struct {
    modbus_t *bus;
    bool joined;
    double dt_s;
    uint16_t heartbeat;
    pi_loop loops[LOOPS];
    limiter limits[OUTPUTS];
    double values[READ_COUNT];
} program;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void sleep_until(int64_t deadline_ns)
{
    const struct timespec t = {deadline_ns / NS_PER_S, deadline_ns % NS_PER_S};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        continue;
}

/* First-order hold of the error and tracking of what was applied, as controller.PID has them. */
static double pi_step(pi_loop *p, double measured, double applied, double dt_s)
{
    const double error = p->setpoint - measured;
    const double mean = 0.5 * (p->error + error);

    p->integral += p->gain / p->integral_time_s * dt_s * mean + dt_s / p->integral_time_s * (applied - p->output);
    p->error = error;
    p->output = p->gain * error + p->integral;
    return p->output;
}

static double limit(limiter *l, double request, double dt_s)
{
    const double step = l->rate_per_s * dt_s;
    double value = request < l->low ? l->low : request > l->high ? l->high : request;

    if (value > l->applied + step)
        value = l->applied + step;
    else if (value < l->applied - step)
        value = l->applied - step;
    return l->applied = value;
}

static int once(program *p)
{
    uint16_t in[READ_COUNT], out[OUTPUTS + 1];

    if (modbus_read_registers(p->bus, 0, READ_COUNT, in) != READ_COUNT)
        return -1;
    for (int i = 0; i < READ_COUNT; i++)
        p->values[i] = SCALE * in[i];
    for (int i = 0; i < OUTPUTS; i++) {
        const double request = i < LOOPS
            ? pi_step(&p->loops[i], p->values[MEASURED + i], p->limits[i].applied, p->dt_s)
            : p->limits[i].applied;

        out[i] = (uint16_t)(limit(&p->limits[i], request, p->dt_s) / SCALE + 0.5);
    }
    out[OUTPUTS] = p->heartbeat++;
    if (p->joined)
        return modbus_write_registers(p->bus, COMMANDS, OUTPUTS + 1, out) == OUTPUTS + 1 ? 0 : -1;
    if (modbus_write_registers(p->bus, COMMANDS, OUTPUTS, out) != OUTPUTS)
        return -1;
    return modbus_write_registers(p->bus, COMMANDS + OUTPUTS + 1, 1, out + OUTPUTS) == 1 ? 0 : -1;
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void print_percentiles(const char *name, int64_t *samples, int count)
{
    qsort(samples, (size_t)count, sizeof *samples, ascending);
    printf("\"%s_p50_us\": %.3f, \"%s_p99_us\": %.3f", name, (double)samples[count / 2] / 1e3, name,
           (double)samples[count * 99LL / 100] / 1e3);
}

static void start(program *p, double rate_hz)
{
    p->dt_s = 1.0 / rate_hz;
    for (int i = 0; i < LOOPS; i++)
        p->loops[i] = (pi_loop){0.5, 0.2, 50.0, 0.0, 0.0, 0.0};
    for (int i = 0; i < OUTPUTS; i++)
        p->limits[i] = (limiter){0.0, 100.0, RATE_PER_S, 10.0 * i};
}

static int run(program *p, int cycles)
{
    int64_t *const spent = calloc((size_t)cycles, sizeof *spent), *const late = calloc((size_t)cycles, sizeof *late);
    const int64_t period_ns = (int64_t)(1e9 * p->dt_s);
    int64_t deadline_ns = now_ns() + period_ns;

    if (!spent || !late)
        return 1;
    for (int n = -WARM_UP; n < cycles; n++, deadline_ns += period_ns) {
        int64_t woken_ns;

        sleep_until(deadline_ns);
        woken_ns = now_ns();
        if (once(p) < 0) {
            fprintf(stderr, "cycle: %s\n", modbus_strerror(errno));
            return 1;
        }
        if (n >= 0) {
            spent[n] = now_ns() - woken_ns;
            late[n] = woken_ns - deadline_ns;
        }
    }
    printf("{");
    print_percentiles("cycle", spent, cycles);
    printf(", ");
    print_percentiles("late", late, cycles);
    printf(", \"cycles\": %d, \"measured\": %.1f}\n", cycles, p->values[MEASURED]);
    free(spent);
    free(late);
    return 0;
}

int main(int count, char **words)
{
    program p = {0};
    int status;

    if (count != 5 || atof(words[2]) <= 0.0 || atoi(words[3]) < 1) {
        fprintf(stderr, "usage: cycle PORT RATE_HZ CYCLES apart|joined\n");
        return 2;
    }
    p.joined = strcmp(words[4], "joined") == 0;
    start(&p, atof(words[2]));
    p.bus = modbus_new_tcp("127.0.0.1", atoi(words[1]));
    if (!p.bus || modbus_connect(p.bus) < 0) {
        fprintf(stderr, "cycle: cannot connect: %s\n", modbus_strerror(errno));
        return 1;
    }
    status = run(&p, atoi(words[3]));
    modbus_close(p.bus);
    modbus_free(p.bus);
    return status;
}
