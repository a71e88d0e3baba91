# %% [markdown]
# # An autoencoder that removes noise
# Digits are drawn, moved, and covered with noise; a small network learns to give back the clean
# picture through a narrow middle layer. Nothing is downloaded. With keras (and any backend: `pip
# install keras jax`) the network is a keras model; without it the same network is trained by a few
# lines of numpy.

# %%
import numpy as np

try:
    import keras
except ImportError:
    keras = None

random = np.random.default_rng(1)
SIZE = 12

# %% [markdown]
# ## Digits
# Five by seven dots each, as old displays drew them: one number per row, its bits are the dots.

# %%
FONT = {
    0: (14, 17, 19, 21, 25, 17, 14),
    1: (4, 12, 4, 4, 4, 4, 14),
    2: (14, 17, 1, 2, 4, 8, 31),
    3: (31, 2, 4, 2, 1, 17, 14),
    4: (2, 6, 10, 18, 31, 2, 2),
    5: (31, 16, 30, 1, 1, 17, 14),
    6: (6, 8, 16, 30, 17, 17, 14),
    7: (31, 1, 2, 4, 8, 8, 8),
    8: (14, 17, 17, 14, 17, 17, 14),
    9: (14, 17, 17, 15, 1, 2, 12),
}


def draw(digit):
    picture = np.zeros((SIZE, SIZE), dtype="float32")
    top, left = random.integers(1, 4), random.integers(2, 5)
    for y, row in enumerate(FONT[digit]):
        for x in range(5):
            picture[top + y, left + x] = row >> (4 - x) & 1
    return picture.ravel()


def pictures(count):
    clean = np.stack([draw(digit) for digit in random.integers(0, 10, count)])
    noisy = np.clip(clean + random.normal(0, 0.4, clean.shape), 0, 1).astype("float32")
    return noisy, clean


train, train_clean = pictures(4000)
test, test_clean = pictures(500)

# %% [markdown]
# ## The network: 144, 96, 32, 96, 144

# %%
LAYERS = (96, 32, 96)
EPOCHS = 10


def with_keras():
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(width, activation="relu") for width in LAYERS]
    output = keras.layers.Dense(SIZE * SIZE, activation="sigmoid")
    model = keras.Sequential([keras.Input((SIZE * SIZE,)), *layers, output])
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss="binary_crossentropy")
    model.fit(train, train_clean, epochs=EPOCHS, batch_size=64, verbose=0)
    return lambda noisy: np.asarray(model.predict(noisy, verbose=0))


def with_numpy():
    widths = (SIZE * SIZE, *LAYERS, SIZE * SIZE)
    weights = [random.normal(0, (2 / a) ** 0.5, (a, b)) for a, b in zip(widths, widths[1:])]
    parameters = [*weights, *[np.zeros(width) for width in widths[1:]]]
    depth = len(weights)
    means, squares = ([np.zeros_like(one) for one in parameters] for _ in range(2))

    def forward(batch):
        values = [batch]
        for index in range(depth):
            value = values[-1] @ parameters[index] + parameters[depth + index]
            last = index == depth - 1
            values.append(1 / (1 + np.exp(-value)) if last else np.maximum(value, 0))
        return values

    step = 0
    for _ in range(EPOCHS):
        order = random.permutation(len(train))
        for batch in np.array_split(order, len(train) // 64):
            values = forward(train[batch])
            error = (values[-1] - train_clean[batch]) / len(batch)
            gradients = [None] * len(parameters)
            for index in reversed(range(depth)):
                gradients[index] = values[index].T @ error
                gradients[depth + index] = error.sum(axis=0)
                error = (error @ parameters[index].T) * (values[index] > 0)
            step += 1
            for one, gradient in enumerate(gradients):
                means[one] += 0.1 * (gradient - means[one])
                squares[one] += 0.001 * (gradient**2 - squares[one])
                mean = means[one] / (1 - 0.9**step)
                square = squares[one] / (1 - 0.999**step)
                parameters[one] -= 2e-3 * mean / (np.sqrt(square) + 1e-8)
    return lambda noisy: forward(noisy)[-1]


# %%
print(f"training with {f'keras {keras.version()} on {keras.backend.backend()}' if keras else 'numpy'}")
denoise = with_keras() if keras else with_numpy()

# %% [markdown]
# ## What it learned

# %%
restored = denoise(test)
before = float(np.mean((test - test_clean) ** 2))
after = float(np.mean((restored - test_clean) ** 2))
print(f"mean squared error: {before:.4f} with the noise, {after:.4f} without")
for picture in (test[0], restored[0]):
    print("\n".join("".join(" .:*#"[int(min(dot, 0.99) * 5)] for dot in row) for row in picture.reshape(SIZE, SIZE)))
assert after < before / 3
