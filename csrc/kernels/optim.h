/* Optimizer steps, and what is done to all gradients at once. The formulas are those of the
 * algorithm boxes in the documentation of torch.optim. Included once per floating type. */
#if TK_IS_FLOAT

/* The buffer of hyperparameters in the type of the parameters, with what follows from the step. */
typedef struct TK_FN(rule) {
    V lr, decay, sign, eps, keep1, add1, keep2, add2, momentum, step_size, root_correction, shrink;
    int decays, first, nesterov, third, moves;
} TK_FN(rule);

/* One vector of elements: parameter, gradient, states. Returns the new parameter. */
typedef V (*TK_FN(rule_fn))(const TK_FN(rule) *r, V p, V g, V *s1, V *s2, V *s3);

TK_INLINE V TK_FN(sgd_of)(const TK_FN(rule) *r, V p, V g, V *s1, V *s2, V *s3)
{
    (void)s2;
    (void)s3;
    if (r->decays)
        g += r->decay * p;
    if (r->moves) {
        *s1 = r->first ? g : r->momentum * *s1 + r->add1 * g;
        g = r->nesterov ? g + r->momentum * *s1 : *s1;
    }
    return p - r->lr * g;
}

TK_INLINE V TK_FN(adam_move)(const TK_FN(rule) *r, V p, V g, V *s1, V *s2, V *s3)
{
    *s1 = r->keep1 * *s1 + r->add1 * g;
    *s2 = r->keep2 * *s2 + r->add2 * (g * g);
    V second = *s2;
    if (r->third)
        second = *s3 = v_max(*s3, second);
    return p - r->step_size * *s1 / (v_sqrt(second) * r->root_correction + r->eps);
}

TK_INLINE V TK_FN(adam_of)(const TK_FN(rule) *r, V p, V g, V *s1, V *s2, V *s3)
{
    if (r->decays)
        g += r->decay * p;
    return TK_FN(adam_move)(r, p, g, s1, s2, s3);
}

TK_INLINE V TK_FN(adamw_of)(const TK_FN(rule) *r, V p, V g, V *s1, V *s2, V *s3)
{
    return TK_FN(adam_move)(r, r->decays ? r->shrink * p : p, g, s1, s2, s3);
}

TK_INLINE V TK_FN(rmsprop_of)(const TK_FN(rule) *r, V p, V g, V *s1, V *s2, V *s3)
{
    if (r->decays)
        g += r->decay * p;
    *s1 = r->keep2 * *s1 + r->add2 * (g * g);
    V variance = *s1;
    if (r->third) {
        *s3 = r->keep2 * *s3 + r->add2 * g;
        variance -= *s3 * *s3;
    }
    g /= v_sqrt(variance) + r->eps;
    if (r->moves)
        g = *s2 = r->momentum * *s2 + g;
    return p - r->lr * g;
}

static void TK_FN(read_rule)(const double *h, double second_decay, double first_gain,
                             TK_FN(rule) *r)
{
    double step = h[TK_HYPER_STEP], correction1 = 1 - pow(h[TK_HYPER_BETA1], step),
           correction2 = 1 - pow(h[TK_HYPER_BETA2], step);
    r->lr = v_set((T)h[TK_HYPER_LR]);
    r->decay = v_set((T)h[TK_HYPER_WEIGHT_DECAY]);
    r->sign = v_set(h[TK_HYPER_MAXIMIZE] != 0 ? (T)-1 : (T)1);
    r->eps = v_set((T)h[TK_HYPER_EPS]);
    r->keep1 = v_set((T)h[TK_HYPER_BETA1]);
    r->add1 = v_set((T)first_gain);
    r->keep2 = v_set((T)second_decay);
    r->add2 = v_set((T)(1 - second_decay));
    r->momentum = v_set((T)h[TK_HYPER_MOMENTUM]);
    r->step_size = v_set((T)(h[TK_HYPER_LR] / correction1));
    r->root_correction = v_set((T)(1 / sqrt(correction2)));
    r->shrink = v_set((T)(1 - h[TK_HYPER_LR] * h[TK_HYPER_WEIGHT_DECAY]));
    r->decays = h[TK_HYPER_WEIGHT_DECAY] != 0;
    r->first = step <= 1;
    r->nesterov = h[TK_HYPER_NESTEROV] != 0;
}

/* A state that a step does not use has no memory: x1..x3 are loaded and stored where it does. */
TK_INLINE void TK_FN(optim_loop)(const tk_list_work *w, int64_t lo, int64_t hi,
                                 const TK_FN(rule) *rule, TK_FN(rule_fn) f)
{
    const TK_FN(rule) own = *rule, *r = &own; /* which no store can change: it stays in registers */
    for (int i = tk_list_find(w, lo); lo < hi; i++) {
        int64_t end = w->start[i + 1] < hi ? w->start[i + 1] : hi;
        int64_t n = end - lo, from = lo - w->start[i];
        T *p = (T *)w->data[0][i] + from, *s1 = (T *)w->data[2][i], *s2 = (T *)w->data[3][i],
          *s3 = (T *)w->data[4][i];
        const T *g = (const T *)w->data[1][i] + from;
        s1 = s1 ? s1 + from : NULL;
        s2 = s2 ? s2 + from : NULL;
        s3 = s3 ? s3 + from : NULL;
        lo = end;
        int64_t j = 0;
        for (; j + W <= n; j += W) {
            V x1 = {0}, x2 = {0}, x3 = {0};
            if (s1)
                x1 = v_load(s1 + j);
            if (s2)
                x2 = v_load(s2 + j);
            if (s3)
                x3 = v_load(s3 + j);
            v_store(p + j, f(r, v_load(p + j), r->sign * v_load(g + j), &x1, &x2, &x3));
            if (s1)
                v_store(s1 + j, x1);
            if (s2)
                v_store(s2 + j, x2);
            if (s3)
                v_store(s3 + j, x3);
        }
        if (j < n) {
            int left = (int)(n - j);
            V x1 = {0}, x2 = {0}, x3 = {0};
            if (s1)
                x1 = v_load_part(s1 + j, left);
            if (s2)
                x2 = v_load_part(s2 + j, left);
            if (s3)
                x3 = v_load_part(s3 + j, left);
            V x = f(r, v_load_part(p + j, left), r->sign * v_load_part(g + j, left), &x1, &x2, &x3);
            v_store_part(p + j, x, left);
            if (s1)
                v_store_part(s1 + j, x1, left);
            if (s2)
                v_store_part(s2 + j, x2, left);
            if (s3)
                v_store_part(s3 + j, x3, left);
        }
    }
}

#define STEP(name, second_decay, first_gain, has_third, has_momentum)                              \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        const tk_list_work *w = work;                                                              \
        const double *h = w->hyper;                                                                \
        TK_FN(rule) r;                                                                             \
        TK_FN(read_rule)(h, second_decay, first_gain, &r);                                         \
        r.third = has_third;                                                                       \
        r.moves = has_momentum;                                                                    \
        TK_FN(optim_loop)(w, lo, hi, &r, TK_FN(name##_of));                                        \
    }
#define MOMENTUM (h[TK_HYPER_MOMENTUM] != 0)
STEP(sgd, 0, 1 - h[TK_HYPER_DAMPENING], 0, MOMENTUM)
STEP(adam, h[TK_HYPER_BETA2], 1 - h[TK_HYPER_BETA1], h[TK_HYPER_AMSGRAD] != 0, 0)
STEP(adamw, h[TK_HYPER_BETA2], 1 - h[TK_HYPER_BETA1], h[TK_HYPER_AMSGRAD] != 0, 0)
STEP(rmsprop, h[TK_HYPER_ALPHA], 1, h[TK_HYPER_CENTERED] != 0, MOMENTUM)
#undef MOMENTUM
#undef STEP

/* -- all tensors of a list, each in place ----------------------------------------------------- */

TK_INLINE void TK_FN(list_loop)(const tk_list_work *w, int64_t lo, int64_t hi, const V p, const V q,
                                V (*f)(V, V, V))
{
    for (int i = tk_list_find(w, lo); lo < hi; i++) {
        int64_t end = w->start[i + 1] < hi ? w->start[i + 1] : hi, n = end - lo, j = 0;
        T *x = (T *)w->data[0][i] + (lo - w->start[i]);
        lo = end;
        for (; j + W <= n; j += W)
            v_store(x + j, f(v_load(x + j), p, q));
        if (j < n)
            v_store_part(x + j, f(v_load_part(x + j, (int)(n - j)), p, q), (int)(n - j));
    }
}

TK_INLINE V TK_FN(scaled)(V x, V p, V q)
{
    (void)q;
    return x * p;
}

TK_INLINE V TK_FN(clamped)(V x, V p, V q)
{
    return v_min(v_max(x, p), q);
}

static void TK_FN(scale_all)(const void *work, int64_t lo, int64_t hi)
{
    const tk_list_work *w = work;
    TK_FN(list_loop)(w, lo, hi, v_set(*(const T *)w->factor), v_set(0), TK_FN(scaled));
}

static void TK_FN(clamp_all)(const void *work, int64_t lo, int64_t hi)
{
    const tk_list_work *w = work;
    TK_FN(list_loop)(w, lo, hi, v_set((T)w->hyper[0]), v_set((T)w->hyper[1]), TK_FN(clamped));
}

/* -- norms ------------------------------------------------------------------------------------ */

/* |x|^p, of which total_norm takes the sum; |x| itself where that is a maximum (p infinite) */
TK_INLINE V TK_FN(norm_term)(V x, T p)
{
    return p == 1 || p == (T)INFINITY ? v_abs(x) : v_pow(v_abs(x), v_set(p));
}

/* The sum of |x|^p, or the maximum, over n <= TK_NORM_CHUNK elements. Sixteen sums, in however many
 * registers, so that every instruction set rounds alike; in double, so that squares of floats are
 * exact and cannot overflow. */
static double TK_FN(norm_chunk)(const T *x, int n, double p)
{
    enum { SUMS = 16, HELD = TK_VECTOR_BYTES / sizeof(double) };
    typedef T terms __attribute__((vector_size(HELD * sizeof(T))));
    typedef double sums __attribute__((vector_size(TK_VECTOR_BYTES)));
    T part[TK_NORM_CHUNK];
    sums sum[SUMS / HELD] = {{0}};
    int full = n / SUMS * SUMS;
    if (p != 2) {
        int i = 0;
        for (; i + W <= n; i += W)
            v_store(part + i, TK_FN(norm_term)(v_load(x + i), (T)p));
        if (i < n)
            v_store_part(part + i, TK_FN(norm_term)(v_load_part(x + i, n - i), (T)p), n - i);
        x = part;
    }
    if (p == (double)INFINITY) {
        T most = 0;
        for (int i = 0; i < n; i++)
            most = x[i] > most || isnan(x[i]) ? x[i] : most;
        return (double)most;
    }
    for (int i = 0; i < n; i += SUMS) {
        T last[SUMS] = {0};
        const T *from = x + i;
        if (i == full) {
            for (int j = 0; j < n - full; j++)
                last[j] = x[i + j];
            from = last;
        }
        for (int k = 0; k < SUMS / HELD; k++) {
            terms y;
            memcpy(&y, from + k * HELD, sizeof y);
            const sums wide = __builtin_convertvector(y, sums);
            sum[k] += p == 2 ? wide * wide : wide;
        }
    }
    double s[SUMS];
    memcpy(s, sum, sizeof s);
    for (int j = 0; j < SUMS / 2; j++)
        s[j] += s[j + SUMS / 2];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static void TK_FN(total_norm)(const void *work, int64_t lo, int64_t hi)
{
    const tk_list_work *w = work;
    for (int i = tk_list_find(w, lo); lo < hi; i++)
        for (; lo < w->start[i + 1] && lo < hi; lo++) {
            int64_t from = (lo - w->start[i]) * TK_NORM_CHUNK, left = w->numel[i] - from;
            w->partial[lo] =
                TK_FN(norm_chunk)((const T *)w->data[0][i] + from,
                                  left < TK_NORM_CHUNK ? (int)left : TK_NORM_CHUNK, w->hyper[0]);
        }
}

/* The p-norm from the sums, or for infinite p the largest, of the chunks; NaN prevails. */
static void TK_FN(combine_norms)(const void *work, int64_t lo, int64_t hi)
{
    const tk_combine_work *w = work;
    const int largest = isinf(w->p);
    double total = 0;
    (void)lo;
    (void)hi;
    for (int64_t i = 0; i < w->n; i++) {
        const double x = w->partial[i];
        total = !largest ? total + x : x > total || isnan(x) ? x : total;
    }
    *(T *)w->out = (T)(w->p == 2 ? sqrt(total) : largest ? total : pow(total, 1 / w->p));
}
#endif
