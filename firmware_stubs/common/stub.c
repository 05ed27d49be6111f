/* The program around a device: command line, signals, and the loop between bus and device time. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus.h"
#include "commands.h"

static const double TICK_S = 0.010;

typedef struct {
    settings chosen;
    service *served;
    tcp_line *tcp; /* either may be NULL */
    rtu_line *rtu;
    commands typed;
    bool takes_commands;
    double time_scale;
} stub;

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

static bool open_lines(stub *s)
{
    if (!s->chosen.rtu || s->chosen.port_given) {
        s->tcp = tcp_open(&s->chosen, s->served);
        if (!s->tcp)
            return false;
        printf("listening on %s:%d\n", s->chosen.address, tcp_port(s->tcp));
    }
    if (s->chosen.rtu) {
        s->rtu = rtu_open(&s->chosen, s->served);
        if (!s->rtu)
            return false;
        printf("listening on %s\n", s->chosen.rtu);
    }
    fflush(stdout);
    return true;
}

static void serve_until(stub *s, double until_s)
{
    watch w;

    watch_begin(&w, until_s);
    if (s->tcp)
        tcp_watch(s->tcp, &w);
    if (s->rtu)
        rtu_watch(s->rtu, &w);
    if (s->takes_commands)
        watch_add(&w, STDIN_FILENO);
    watch_wait(&w);
    if (s->tcp)
        tcp_serve(s->tcp, &w);
    if (s->rtu)
        rtu_serve(s->rtu, &w);
    if (s->takes_commands && FD_ISSET(STDIN_FILENO, &w.readable))
        commands_serve(&s->typed, s->served);
}

static void run(stub *s)
{
    double last_s = monotonic_s();
    double next_s = last_s + TICK_S;

    while (!stopping && !s->typed.ended) {
        double now_s;

        serve_until(s, next_s);
        now_s = monotonic_s();
        if (now_s < next_s)
            continue;
        /* The time that truly passed: after a pause the watchdogs must know of it. */
        service_advance(s->served, (now_s - last_s) * s->time_scale);
        last_s = now_s;
        next_s += TICK_S;
        if (next_s < now_s)
            next_s = now_s + TICK_S;
    }
}

int stub_main(const device_class *device, int argc, char **argv)
{
    stub s;
    int exit_code;

    memset(&s, 0, sizeof s);
    exit_code = settings_parse(&s.chosen, device, argc, argv);
    if (exit_code >= 0)
        return exit_code;
    handle_signals();
    s.time_scale = settings_get(&s.chosen, "--time-scale");
    s.takes_commands = settings_get(&s.chosen, "--commands") > 0.0;
    s.served = service_open(device, &s.chosen);
    if (!s.served) {
        fprintf(stderr, "%s: %s\n", device->name, strerror(errno));
        return 1;
    }
    exit_code = open_lines(&s) ? 0 : 1;
    if (exit_code == 0)
        run(&s);
    if (s.tcp)
        tcp_close(s.tcp);
    if (s.rtu)
        rtu_close(s.rtu);
    service_close(s.served);
    return exit_code;
}
