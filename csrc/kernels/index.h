/* Reading and writing where an index says. The indices are int64, checked by wrap_index before
 * anything else runs. Included once per element type. */

/* n elements, steps in bytes */
TK_INLINE void TK_FN(copy_row)(char *to, int64_t to_step, const char *from, int64_t from_step,
                               int64_t n)
{
    if (to_step == sizeof(T) && from_step == sizeof(T)) {
        tk_copy(to, from, n * (int64_t)sizeof(T));
        return;
    }
    if (from_step == 0) {
        tk_fill(to, to_step, from, sizeof(T), n, 0);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        *(T *)(to + i * to_step) = *(const T *)(from + i * from_step);
}

TK_INLINE T TK_FN(sum_of)(T a, T b)
{
    return TK_IS_BOOL ? (T)(a != 0 || b != 0) : (T)(a + b);
}

TK_OUTLINE void TK_FN(add_row)(char *to, int64_t to_step, const char *from, int64_t from_step,
                               int64_t n)
{
    int64_t i = 0;
#if !TK_IS_BOOL
    if (to_step == sizeof(T) && from_step == sizeof(T))
        for (; i + W <= n; i += W)
            v_store((T *)to + i, v_load((const T *)to + i) + v_load((const T *)from + i));
#endif
    for (; i < n; i++) {
        T *x = (T *)(to + i * to_step);
        *x = TK_FN(sum_of)(*x, *(const T *)(from + i * from_step));
    }
}

/* to[i] = from[i * step + index[i] * dim_step] for n elements; steps in bytes. Returns the first i
 * whose index, read once, is out of range, or n. The usual strides are constants at their calls, and
 * the loops then a few instructions. */
TK_INLINE int64_t TK_FN(gather_row)(char *to, int64_t out_step, const char *from, int64_t step,
                                    const char *which, int64_t index_step, int64_t dim_step,
                                    int64_t n, uint64_t size)
{
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; i++) {
        const int64_t place = *(const int64_t *)(which + i * index_step);
        if (__builtin_expect((uint64_t)place >= size, 0))
            return i;
        *(T *)(to + i * out_step) = *(const T *)(from + i * step + place * dim_step);
    }
    return n;
}

/* The same of what lies side by side, past the caches: what is read is asked for, the index ahead and
 * of the row of `size` elements after this one, `next`, as much as of the index is used. */
TK_OUTLINE int64_t TK_FN(gather_far)(tk_pieces *pieces, char *to, const char *from, const char *next,
                                     const char *which, int64_t n, uint64_t size)
{
    enum { TILE = 1024, LINE = 64 / sizeof(int64_t) };
    _Alignas(64) T tile[TILE];
    const int64_t item = sizeof(T), place = sizeof(int64_t);
    const int64_t lead = (int64_t)(-(uintptr_t)to % 64) / item;
    for (int64_t done = 0, some = lead ? lead : TILE; done < n; done += some, some = TILE) {
        some = some < n - done ? some : n - done;
        const char *line = which + done * place;
        for (int64_t i = 0; i < some; i += LINE, line += 64) {
            const int64_t few = some - i < LINE ? some - i : LINE;
            __builtin_prefetch(line + TK_STREAM_AHEAD);
            if (done + i < (int64_t)size)
                __builtin_prefetch(next + (done + i) * item);
#define TO_TILE(n) TK_FN(gather_row)((char *)(tile + i), item, from, 0, line, place, item, n, size)
            const int64_t good = few == LINE ? TO_TILE(LINE) : TO_TILE(few);
#undef TO_TILE
            if (good < few)
                return done + i + good;
        }
        tk_put_piece(pieces, to + done * item, (const char *)tile, some * item);
    }
    return n;
}

/* out[..., j, ...] = a[..., index[..., j, ...], ...], up to a bad index. */
static void TK_FN(index_gather)(const void *work, int64_t lo, int64_t hi)
{
    const tk_gather_work *w = work;
    const tk_map_work *m = &w->map;
    const int last = m->ndim - 1;
    const int64_t item = sizeof(T), place = sizeof(int64_t);
    const uint64_t size = (uint64_t)w->size;
    const int64_t out_step = m->stride[0][last], step = m->stride[1][last],
                  index_step = m->stride[2][last], dim_step = w->dim_step;
    const int usual = out_step == item && index_step == place;
    const int streams = m->streams && m->size[last] * item >= TK_STREAMED_ROW_BYTES;
    tk_pieces pieces = {.held = 0};
    int64_t at[TK_MAX_NDIM], n, down[3] = {0};
    for (int i = 0; i < 3 && last > 0; i++)
        down[i] = m->stride[i][last - 1];
    tk_start_rows(m, lo, at);
    while (lo < hi) {
        char *row[3];
        const int64_t rows = tk_rows_ahead(m, at, hi - lo, INT64_MAX);
        n = tk_next_row(m, 3, at, hi - lo, row);
        tk_skip_rows(m, at, rows - 1);
        for (int64_t r = 0; r < rows; r++, lo += n) {
            char *to = row[0] + r * down[0];
            const char *from = row[1] + r * down[1], *which = row[2] + r * down[2];
            int64_t good = n;
            if (index_step == 0) {
                const int64_t one = *(const int64_t *)which;
                const int64_t next = r + 1 < rows ? *(const int64_t *)(which + down[2]) : -1;
                const char *const after =
                    (uint64_t)next < size ? from + down[1] + next * dim_step : NULL;
                if ((uint64_t)one >= size)
                    good = 0;
                else if (streams && out_step == item && step == item)
                    tk_put_piece_before(&pieces, to, from + one * dim_step, n * item, after);
                else
                    TK_FN(copy_row)(to, out_step, from + one * dim_step, step, n);
            } else if (usual && streams && step == 0 && dim_step == item) {
                good = TK_FN(gather_far)(&pieces, to, from, from + down[1], which, n, size);
            } else if (usual && step == 0 && dim_step == item) {
                good = TK_FN(gather_row)(to, item, from, 0, which, place, item, n, size);
            } else if (usual) {
                good = TK_FN(gather_row)(to, item, from, step, which, place, dim_step, n, size);
            } else {
                good = TK_FN(gather_row)
                (to, out_step, from, step, which, index_step, dim_step, n, size);
            }
            if (good < n) {
                if (w->bad)
                    tk_note_bad(w->bad, lo + good);
                lo = hi;
                break;
            }
        }
    }
    if (streams)
        tk_end_pieces(&pieces);
}

/* What becomes of an element x to which y is sent. NaN wins. */
enum { TK_FN(PUT), TK_FN(ADD), TK_FN(GREATEST), TK_FN(LEAST) };
TK_INLINE T TK_FN(sent)(T x, T y, const int how)
{
    const int no_number = TK_IS_FLOAT && isnan((double)y);
    switch (how) {
    case TK_FN(ADD):
        return TK_FN(sum_of)(x, y);
    case TK_FN(GREATEST):
        return (y > x) | no_number ? y : x;
    case TK_FN(LEAST):
        return (y < x) | no_number ? y : x;
    default:
        return y;
    }
}

/* The element to + k * to_step + index[k] * place_step takes from[k], for n elements in their order;
 * returns the first k whose index, read once, is out of range, or n. */
TK_INLINE int64_t TK_FN(scatter_row)(char *to, int64_t to_step, const char *from, int64_t from_step,
                                     const char *which, int64_t which_step, int64_t place_step,
                                     int64_t n, uint64_t size, const int how)
{
#pragma GCC unroll 4
    for (int64_t k = 0; k < n; k++) {
        const int64_t place = *(const int64_t *)(which + k * which_step);
        if (__builtin_expect((uint64_t)place >= size, 0))
            return k;
        T *x = (T *)(to + k * to_step + place * place_step);
        *x = TK_FN(sent)(*x, *(const T *)(from + k * from_step), how);
    }
    return n;
}

/* One unit: for every j, ascending, out[..., index[..., j, ...], ...] takes src[..., j, ...]. Units
 * never meet in the output, so the order in which repeated indices are met is always the same. */
TK_INLINE void TK_FN(scatter_loop)(const void *work, int64_t lo, int64_t hi, const int how)
{
    const tk_scatter_work *w = work;
    const tk_map_work *m = &w->rest;
    const int last = m->ndim - 1;
    const int whole = w->rows && m->stride[2][last] == 0 && how <= TK_FN(ADD);
    const int64_t out_step = m->stride[0][last], step = m->stride[1][last],
                  index_step = m->stride[2][last];
    const int64_t item = sizeof(T), index_item = sizeof(int64_t);
    const uint64_t size = (uint64_t)w->size;
    const int streams = m->streams && whole && how == TK_FN(PUT) && out_step == sizeof(T) &&
                        step == sizeof(T) && m->size[last] * (int64_t)sizeof(T) >= TK_STREAMED_ROW_BYTES;
    tk_pieces pieces = {.held = 0};
    int64_t at[TK_MAX_NDIM], n, good = 1, wanted = 1;
    char *row[3];
    for (tk_start_rows(m, lo, at); lo < hi && good == wanted; lo += n) {
        n = tk_next_row(m, 3, at, hi - lo, row);
        /* The nested pair of loops: the inner one runs where src is the closer. [0]: out, but for the
         * place; [1]: src; [2]: index. */
        const int64_t along[3] = {0, w->dim_step[1], w->dim_step[2]}, place_step = w->dim_step[0];
        const int64_t across[3] = {out_step, step, index_step};
        const int by_rows = w->rows;
        const int64_t outer = by_rows ? w->count : n, inner = by_rows ? n : w->count;
        const int64_t *far = by_rows ? along : across, *near = by_rows ? across : along;
        const int usual = near[1] == item && near[2] == index_item;
        good = wanted = whole ? 1 : inner;
        for (int64_t i = 0; i < outer && good == wanted; i++) {
            char *to = row[0] + i * far[0];
            const char *from = row[1] + i * far[1], *which = row[2] + i * far[2];
            if (whole) { /* one index for all n elements */
                const int64_t place = *(const int64_t *)which;
                good = (uint64_t)place < size;
                if (good && streams)
                    tk_put_piece(&pieces, to + place * place_step, from, n * item);
                else if (good && how == TK_FN(ADD))
                    TK_FN(add_row)(to + place * place_step, out_step, from, step, n);
                else if (good)
                    TK_FN(copy_row)(to + place * place_step, out_step, from, step, n);
            } else if (usual && near[0] == 0 && place_step == item) {
                good = TK_FN(scatter_row)
                (to, 0, from, item, which, index_item, item, inner, size, how);
            } else if (usual && near[0] == item) {
                good = TK_FN(scatter_row)
                (to, item, from, item, which, index_item, place_step, inner, size, how);
            } else {
                good = TK_FN(scatter_row)
                (to, near[0], from, near[1], which, near[2], place_step, inner, size, how);
            }
        }
    }
    if (streams)
        tk_end_pieces(&pieces);
    if (good != wanted && w->bad)
        tk_note_bad(w->bad, 0);
}

#define SCATTER(name, how)                                                                         \
    static void TK_FN(name)(const void *work, int64_t lo, int64_t hi)                              \
    {                                                                                              \
        TK_FN(scatter_loop)(work, lo, hi, how);                                                    \
    }
SCATTER(index_scatter, TK_FN(PUT))
SCATTER(index_scatter_add, TK_FN(ADD))
SCATTER(index_scatter_max, TK_FN(GREATEST))
SCATTER(index_scatter_min, TK_FN(LEAST))
#undef SCATTER

static void TK_FN(extend)(const void *work, int64_t lo, int64_t hi)
{
    tk_extend_units(work, lo, hi, sizeof(T));
}

static void TK_FN(triangle)(const void *work, int64_t lo, int64_t hi)
{
    tk_triangle_units(work, lo, hi, sizeof(T));
}

#if !TK_IS_BOOL
static void TK_FN(join)(const void *work, int64_t lo, int64_t hi)
{
    tk_join_units(work, lo, hi);
}
#endif

#if TK_IS_FLOAT
static void TK_FN(fold_windows)(const void *work, int64_t lo, int64_t hi)
{
    const tk_fold_work *w = work;
    const int64_t width = w->size[1], step = w->stride[1];
    for (; lo < hi; lo++) {
        const int64_t image = lo / w->size[0], y = lo % w->size[0] + w->padding[0];
        const char *windows = w->in + image / w->channels * w->in_step[0] +
                              image % w->channels * w->in_step[1];
        T *row = (T *)w->out + lo * width;
        memset(row, 0, (size_t)width * sizeof *row);
        for (int64_t i = 0; i < w->kernel[0]; i++) {
            const int64_t down = y - i * w->dilation[0], at = down / w->stride[0];
            if (down < 0 || at >= w->counts[0] || at * w->stride[0] != down)
                continue;
            const char *line = windows + i * w->in_step[2] + at * w->in_step[4];
            for (int64_t j = 0; j < w->kernel[1]; j++) {
                const int64_t left = j * w->dilation[1] - w->padding[1]; /* of the first window */
                const int64_t first = left < 0 ? (step - 1 - left) / step : 0;
                const int64_t room = left < width ? (width - 1 - left) / step + 1 : 0;
                const int64_t end = room < w->counts[1] ? room : w->counts[1];
                if (first < end)
                    TK_FN(add_row)((char *)(row + left + first * step), step * (int64_t)sizeof(T),
                                   line + j * w->in_step[3] + first * w->in_step[5],
                                   w->in_step[5], end - first);
            }
        }
    }
}
#endif

#if !TK_IS_FLOAT && !TK_IS_BOOL
/* The common case, contiguous, up to the first 64 that hold a bad index; returns how many are done. */
static int64_t TK_FN(wrap_plain)(int64_t *to, const T *from, int64_t n, const tk_wrap_work *w)
{
    enum { PLACES = TK_VECTOR_BYTES / sizeof(int64_t) };
    typedef T indices __attribute__((vector_size(PLACES * sizeof(T))));
    typedef int64_t places __attribute__((vector_size(TK_VECTOR_BYTES)));
    const int64_t last = w->size - 1, wrap = w->wrap;
    const int writes = !w->looks, scales = w->scale != 1, adds = w->adds;
    int64_t i = 0;
    for (; i + 64 <= n; i += 64) {
        places bad = {0}, x[64 / PLACES];
        for (int k = 0; k < 64 / PLACES; k++) {
            indices read;
            memcpy(&read, from + i + k * PLACES, sizeof read);
            x[k] = __builtin_convertvector(read, places);
            const places skipped = w->skips ? x[k] == w->skip : (places){0}; /* -1 */
            x[k] += (x[k] >> 63) & wrap;
            bad |= (x[k] | (last - x[k])) & ~skipped; /* below 0 where one of the two is */
            x[k] |= skipped;
        }
        int64_t any = 0;
        for (int k = 0; k < PLACES; k++)
            any |= bad[k];
        if (any < 0)
            break;
        for (int k = 0; writes && k < 64 / PLACES; k++) {
            places there = {0};
            if (adds)
                memcpy(&there, to + i + k * PLACES, sizeof there);
            there += scales ? x[k] * w->scale : x[k];
            memcpy(to + i + k * PLACES, &there, sizeof there);
        }
    }
    return i;
}

/* Whether all are in [0, size). */
static int TK_FN(all_within)(const T *x, int64_t n, int64_t size)
{
    enum { PLACES = TK_VECTOR_BYTES / sizeof(int64_t) };
    typedef T indices __attribute__((vector_size(PLACES * sizeof(T))));
    typedef uint64_t places __attribute__((vector_size(TK_VECTOR_BYTES)));
    const uint64_t last = (uint64_t)size - 1;
    places beyond = {0};
    int64_t i = 0, any = 0;
    for (; i + 4 * PLACES <= n; i += 4 * PLACES)
#pragma GCC unroll 4
        for (int k = 0; k < 4 * PLACES; k += PLACES) {
            indices read;
            memcpy(&read, x + i + k, sizeof read);
            const places at = __builtin_convertvector(read, places);
            beyond |= at | (last - at); /* below 0 where one of the two is */
        }
    for (int k = 0; k < PLACES; k++)
        any |= (int64_t)beyond[k];
    for (; i < n; i++)
        any |= (int64_t)x[i] | (size - 1 - (int64_t)x[i]);
    return any >= 0;
}

/* Operand 0, int64: the checked index, times the scale, added to what is there if so asked. */
static void TK_FN(wrap_index)(const void *work, int64_t lo, int64_t hi)
{
    const tk_wrap_work *w = work;
    const tk_map_work *m = &w->map;
    const int64_t out_step = m->stride[0][m->ndim - 1], step = m->stride[1][m->ndim - 1];
    const int plain = out_step == sizeof(int64_t) && step == sizeof(T);
    const int only_looks = w->looks && !w->wrap && !w->skips && step == sizeof(T);
    int64_t at[TK_MAX_NDIM], n;
    char *row[2];
    for (tk_start_rows(m, lo, at); lo < hi; lo += n) {
        n = tk_next_row(m, 2, at, hi - lo, row);
        if (only_looks && TK_FN(all_within)((const T *)row[1], n, w->size))
            continue;
        int64_t i = plain ? TK_FN(wrap_plain)((int64_t *)row[0], (const T *)row[1], n, w) : 0;
        for (; i < n; i++) {
            int64_t x = (int64_t)*(const T *)(row[1] + i * step);
            int64_t *to = (int64_t *)(row[0] + i * out_step);
            if (w->skips && x == w->skip) {
                *to = -1;
                continue;
            }
            x += x < 0 ? w->wrap : 0;
            if (x < 0 || x >= w->size)
                tk_note_bad(w->bad, lo + i);
            if (!w->looks)
                *to = (w->adds ? *to : 0) + x * w->scale;
        }
    }
}

static void TK_FN(find_zero)(const void *work, int64_t lo, int64_t hi)
{
    const tk_divisor_work *w = work;
    const tk_map_work *m = &w->map;
    const int64_t step = m->stride[0][m->ndim - 1];
    int64_t at[TK_MAX_NDIM], n;
    char *row[1];
    for (tk_start_rows(m, lo, at); lo < hi; lo += n) {
        n = tk_next_row(m, 1, at, hi - lo, row);
        const T *x = (const T *)row[0];
        int found = 0;
        if (step == sizeof(T))
            for (int64_t i = 0; i < n; i++)
                found |= x[i] == 0;
        for (int64_t i = 0; i < n && (found || step != sizeof(T)); i++)
            if (*(const T *)(row[0] + i * step) == 0)
                tk_note_bad(w->bad, lo + i);
    }
}
#endif

/* Elements are compared 64 at a time, which gives a byte each. NaN differs from everything. */
#define BLOCK 64
TK_INLINE int64_t TK_FN(runs_of_eight)(const tk_runs_work *w, int64_t i, uint64_t begins,
                                       int64_t found)
{
    typedef int64_t places __attribute__((vector_size(64)));
    const places here = (places){0, 1, 2, 3, 4, 5, 6, 7} + i;
    const uint64_t sums = begins * TK_ONES;
    tk_keep_eight((T *)w->kinds + found, (const T *)w->in + i, begins, sizeof(T));
    if (w->starts)
        tk_keep_eight(w->starts + found, &here, begins, sizeof *w->starts);
    if (w->ranks)
        tk_widen_eight(w->ranks + i, sums, found - 1);
    return found + (int64_t)(sums >> 56);
}

/* The ranks of 64 elements that all are of the run before them. */
TK_INLINE void TK_FN(ranks_of_none)(int64_t *to, int64_t rank, int streams)
{
    const tk_bytes ranks = tk_bytes_of(&rank, sizeof rank);
    char *const out = (char *)to;
    for (int k = 0; k < BLOCK * (int)sizeof rank; k += TK_VECTOR_BYTES)
        if (streams)
            tk_bytes_stream(out + k, ranks);
        else
            tk_bytes_store(out + k, ranks);
}

static void TK_FN(runs)(const void *work, int64_t lo, int64_t hi)
{
    const tk_runs_work *w = work;
    const T *x = (const T *)w->in;
    int64_t found = 0, i = 0;
    if (lo >= hi || w->numel == 0)
        return;
    for (int64_t end; i < w->numel; i = end) {
        end = i > 0 && i % 8 == 0 && w->numel - i >= BLOCK ? i + BLOCK : i + 1;
        if (end == i + 1) { /* the first and the last few; between them ranks fill whole lines */
            ((T *)w->kinds)[found] = x[i];
            if (w->starts)
                w->starts[found] = i;
            found += i == 0 || x[i] != x[i - 1];
            if (w->ranks)
                w->ranks[i] = found - 1;
            continue;
        }
        M begins[BLOCK / W], mask = {0};
#pragma GCC unroll 32
        for (int k = 0; k < BLOCK / W; k++) {
            begins[k] = v_load(x + i + k * W) != v_load(x + i + k * W - 1);
            mask |= begins[k];
        }
        if (!v_any(mask)) {
            if (w->ranks)
                TK_FN(ranks_of_none)(w->ranks + i, found - 1, w->streams);
            continue;
        }
        uint64_t eight[BLOCK / 8] = {0};
#pragma GCC unroll 32
        for (int k = 0; k < BLOCK; k += W) {
            const TK_FN(bytes) each = v_bytes(begins[k / W]);
            uint64_t some[W / 8 + 1] = {0};
            memcpy(some, &each, sizeof each);
            for (int j = 0; j < W / 8 || j < 1; j++)
                eight[k / 8 + j] |= some[j] << k % 8 * 8;
        }
        for (int k = 0; k < BLOCK / 8; k++)
            found = TK_FN(runs_of_eight)(w, i + 8 * k, eight[k], found);
    }
    if (w->streams)
        tk_stream_end();
    *w->found = found;
}
#undef BLOCK

#if TK_IS_BOOL
/* Units of both are chunks of TK_NONZERO_CHUNK elements. */
static void TK_FN(nonzero_count)(const void *work, int64_t lo, int64_t hi)
{
    const tk_nonzero_work *w = work;
    for (; lo < hi; lo++) {
        int64_t i = lo * TK_NONZERO_CHUNK, count = 0;
        int64_t end = i + TK_NONZERO_CHUNK < w->numel ? i + TK_NONZERO_CHUNK : w->numel;
        V ones = {0}; /* a lane counts TK_NONZERO_CHUNK / W at most, which a byte holds */
        for (; i + W <= end; i += W)
            ones += v_load(w->in + i);
        for (int lane = 0; lane < W; lane++)
            count += ones[lane];
        for (; i < end; i++)
            count += w->in[i];
        w->count[lo] = count;
    }
}

/* The coordinates of the elements that are not zero; count holds the first row of each chunk. */
static void TK_FN(nonzero_fill)(const void *work, int64_t lo, int64_t hi)
{
    const tk_nonzero_work *w = work;
    for (; lo < hi; lo++) {
        int64_t at = lo * TK_NONZERO_CHUNK, found[TK_NONZERO_CHUNK], n = 0;
        int64_t end = at + TK_NONZERO_CHUNK < w->numel ? at + TK_NONZERO_CHUNK : w->numel;
        for (uint64_t kept; at + 8 <= end; at += 8) {
            typedef int64_t places __attribute__((vector_size(64)));
            const places here = (places){0, 1, 2, 3, 4, 5, 6, 7} + at;
            memcpy(&kept, w->in + at, sizeof kept);
            tk_keep_eight(found + n, &here, kept, sizeof *found);
            n += (int64_t)(kept * TK_ONES >> 56);
        }
        for (; at < end; at++) { /* without a branch: the values are unpredictable */
            found[n] = at;
            n += w->in[at];
        }
        int64_t *out = w->out + w->count[lo] * w->ndim;
        if (w->ndim == 1) {
            memcpy(out, found, (size_t)n * sizeof *out);
            continue;
        }
        /* Divisions are dear: only where another line along the last dimension begins. */
        const int last = w->ndim - 1;
        int64_t line[TK_MAX_NDIM] = {0}, start = -1;
        for (int64_t i = 0; i < n; i++, out += w->ndim) {
            if (start < 0 || found[i] - start >= w->size[last]) {
                int64_t rest = found[i] / w->size[last];
                start = rest * w->size[last];
                for (int d = last - 1; d >= 0; d--) {
                    int64_t above = d > 0 ? rest / w->size[d] : 0;
                    line[d] = rest - above * w->size[d];
                    rest = above;
                }
            }
            for (int d = 0; d < last; d++)
                out[d] = line[d];
            out[last] = found[i] - start;
        }
    }
}
#endif
