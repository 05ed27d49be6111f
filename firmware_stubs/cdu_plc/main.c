/* The PLC of a small coolant distribution unit: the program of plc.c every 10 ms, the bus in between. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "plc.h"
#include "server.h"

static const double TICK_S = 0.010;

static volatile sig_atomic_t stopping;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static void handle_signals(void)
{
    struct sigaction stop;

    memset(&stop, 0, sizeof stop);
    stop.sa_handler = on_stop;
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void run(plc *program, server *bus)
{
    double last_s = monotonic_s();
    double next_s = last_s + TICK_S;

    while (!stopping) {
        double now_s;

        server_run_until(bus, next_s);
        now_s = monotonic_s();
        /* The time that truly passed: after a pause the watchdog must know of it. */
        plc_tick(program, now_s - last_s);
        server_publish(bus);
        last_s = now_s;
        next_s += TICK_S;
        if (next_s < now_s)
            next_s = now_s + TICK_S;
    }
}

int main(int argc, char **argv)
{
    options chosen;
    plc program;
    server *bus;
    const int exit_code = options_parse(&chosen, argc, argv);

    if (exit_code >= 0)
        return exit_code;
    handle_signals();
    plc_init(&program, &chosen.plc);
    bus = server_open(chosen.address, chosen.port, chosen.unit, &program);
    if (!bus)
        return 1;
    printf("listening on %s:%d\n", chosen.address, server_port(bus));
    fflush(stdout);
    run(&program, bus);
    server_close(bus);
    return 0;
}
