"""The average of a column: app.py FILE COLUMN OUTPUT, as the first vantage6 on Kubernetes called it."""
import csv
import sys


def average(path, column):
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if column not in (reader.fieldnames or []):
            sys.exit(f"there is no column {column}: there are {', '.join(reader.fieldnames or [])}")
        values = [float(row[column]) for row in reader if (row[column] or "").strip() != ""]
    if not values:
        sys.exit(f"the column {column} is empty")
    return sum(values) / len(values)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, column, output = sys.argv[1:]
    result = average(source, column)
    with open(output, "w", encoding="utf-8") as file:
        file.write(f"{result}\n")
    print(f"the average of {column} is {result}")
