/* The call back to Python. Included once per element type, which only the function knows of. */

static void TK_FN(host)(const void *work, int64_t lo, int64_t hi)
{
    const tk_host_work *w = work;
    if (lo < hi && w->call(w->function, (char **)w->data))
        *w->bad = 0;
}
